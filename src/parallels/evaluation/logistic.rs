//! Logistic regression on a few features.

/// Ridge penalty: small enough to change nothing if classes overlap, and to make the search converge if
/// they are separable.
const RIDGE: f64 = 1e-6;

/// Maximum number of Newton steps; a dozen is usual.
const MAX_NEWTON_STEPS: usize = 200;

/// An item: its features, the last of them 1, whether it is positive, and its weight.
pub(super) type Observation<const N: usize> = ([f64; N], bool, f64);

/// Returns the maximum-likelihood coefficients, or `None` if all items are of one class. The last one,
/// the constant, is not penalized.
pub(super) fn fit_logistic<const N: usize>(items: &[Observation<N>]) -> Option<[f64; N]> {
    let weight: f64 = items.iter().map(|(.., weight)| weight).sum();
    let has_both_classes = items.iter().any(|(_, is_positive, _)| *is_positive)
        && items.iter().any(|(_, is_positive, _)| !is_positive);
    if !has_both_classes || !weight.is_finite() || weight <= 0.0 {
        return None;
    }
    let mut coefficients = [0.0; N];
    let mut loss = penalized_loss(&coefficients, items, weight);
    for _ in 0..MAX_NEWTON_STEPS {
        let step = newton_step(&coefficients, items, weight)?;
        // A full step may overshoot.
        let mut step_size = 1.0;
        let better = loop {
            let next: [f64; N] = std::array::from_fn(|i| coefficients[i] - step_size * step[i]);
            let next_loss = penalized_loss(&next, items, weight);
            if next_loss < loss {
                break Some((next, next_loss));
            }
            step_size /= 2.0;
            if step_size < 1e-9 {
                break None;
            }
        };
        let Some((next, next_loss)) = better else {
            break;
        };
        let gain = loss - next_loss;
        (coefficients, loss) = (next, next_loss);
        if gain < 1e-14 {
            break;
        }
    }
    coefficients
        .iter()
        .all(|x| x.is_finite())
        .then_some(coefficients)
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Returns the ridge penalty of the coefficient at an index.
fn ridge_penalty<const N: usize>(index: usize) -> f64 {
    if index + 1 < N { RIDGE } else { 0.0 }
}

/// Returns the mean log loss plus the ridge penalty.
fn penalized_loss<const N: usize>(b: &[f64; N], items: &[Observation<N>], weight: f64) -> f64 {
    let log_loss = |(features, is_positive, weight): &Observation<N>| {
        let score = dot(b, features);
        let against = if *is_positive { -score } else { score };
        // ln(1 + exp(x)) without overflow for large x.
        weight * (against.max(0.0) + (-against.abs()).exp().ln_1p())
    };
    let penalty: f64 = (0..N)
        .map(|i| ridge_penalty::<N>(i) * b[i] * b[i] / 2.0)
        .sum();
    items.iter().map(log_loss).sum::<f64>() / weight + penalty
}

/// Returns the Newton step: the inverse Hessian times the gradient.
fn newton_step<const N: usize>(
    b: &[f64; N],
    items: &[Observation<N>],
    weight: f64,
) -> Option<[f64; N]> {
    let mut gradient: [f64; N] = std::array::from_fn(|i| ridge_penalty::<N>(i) * b[i]);
    let mut hessian = [[0.0; N]; N];
    for (i, row) in hessian.iter_mut().enumerate() {
        // The constant needs it if every item is certain already.
        row[i] = ridge_penalty::<N>(i).max(1e-12);
    }
    for (features, is_positive, item_weight) in items {
        let probability = 1.0 / (1.0 + (-dot(b, features)).exp());
        let error = item_weight / weight * (probability - f64::from(u8::from(*is_positive)));
        let slope = item_weight / weight * probability * (1.0 - probability);
        for i in 0..N {
            gradient[i] += error * features[i];
            for j in 0..N {
                hessian[i][j] += slope * features[i] * features[j];
            }
        }
    }
    solve(hessian, gradient)
}

/// Solves `a x = b` by elimination; `None` where `a` has no inverse.
fn solve<const N: usize>(mut a: [[f64; N]; N], mut b: [f64; N]) -> Option<[f64; N]> {
    for column in 0..N {
        let largest =
            (column..N).max_by(|x, y| a[*x][column].abs().total_cmp(&a[*y][column].abs()))?;
        a.swap(column, largest);
        b.swap(column, largest);
        let pivot = a[column][column];
        if pivot.abs() < 1e-300 || !pivot.is_finite() {
            return None;
        }
        let (pivot_row, pivot_value) = (a[column], b[column]);
        for (row, value) in a.iter_mut().zip(&mut b).skip(column + 1) {
            let factor = row[column] / pivot;
            row.iter_mut()
                .zip(pivot_row)
                .for_each(|(x, y)| *x -= factor * y);
            *value -= factor * pivot_value;
        }
    }
    let mut x = [0.0; N];
    for row in (0..N).rev() {
        let substituted: f64 = (row + 1..N).map(|k| a[row][k] * x[k]).sum();
        x[row] = (b[row] - substituted) / a[row][row];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_coefficients_are_recovered() {
        let truth = [3.0, -2.0, 0.5];
        let mut items = Vec::new();
        for i in 0..20 {
            for j in 0..20 {
                let features = [f64::from(i) / 10.0 - 1.0, f64::from(j) / 10.0 - 1.0, 1.0];
                let probability = 1.0 / (1.0 + (-dot(&truth, &features)).exp());
                // Each item is of both classes, weighted by their probabilities.
                items.push((features, true, probability));
                items.push((features, false, 1.0 - probability));
            }
        }
        let found = fit_logistic(&items).unwrap();
        for (found, truth) in found.iter().zip(truth) {
            assert!((found - truth).abs() < 1e-3, "{found} for {truth}");
        }
    }

    #[test]
    fn one_feature_by_hand() {
        // At 0 one of four is positive, at 1 three of four: the logits are -ln 3 and ln 3.
        let mut items = Vec::new();
        for (x, positives) in [(0.0, 1), (1.0, 3)] {
            items.extend((0..4).map(|i| ([x, 1.0], i < positives, 2.0)));
        }
        let found = fit_logistic(&items).unwrap();
        let expected = 3.0_f64.ln();
        assert!((found[0] - 2.0 * expected).abs() < 1e-3, "{found:?}");
        assert!((found[1] + expected).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn separable_classes_converge() {
        let separable = [([0.0, 1.0], false, 1.0), ([1.0, 1.0], true, 1.0)];
        let found = fit_logistic(&separable).unwrap();
        assert!(found[0] > 10.0 && found[0].is_finite(), "{found:?}");
        assert!((found[1] + found[0] / 2.0).abs() < 1e-3, "{found:?}");
        assert!(fit_logistic(&separable[..1]).is_none());
        assert!(fit_logistic::<2>(&[]).is_none());
    }
}
