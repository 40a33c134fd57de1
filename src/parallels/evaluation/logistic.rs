//! Logistic regression on a few features.

/// Charge for large coefficients: small enough to change nothing where pairs of both kinds mix, and
/// to bring the search to an end where they do not.
const RIDGE: f64 = 1e-6;

/// Newton's steps; a dozen is usual.
const MAX_NEWTON_STEPS: usize = 200;

/// What is known of an item: its features, the last of them 1, whether it is of the kind that is looked
/// for, and its weight.
pub(super) type Observation<const N: usize> = ([f64; N], bool, f64);

/// The coefficients under which the items are the most likely; `None` where there is nothing to learn
/// from. The last one, that of the constant, is not charged for.
pub(super) fn fit_logistic<const N: usize>(items: &[Observation<N>]) -> Option<[f64; N]> {
    let weight: f64 = items.iter().map(|(.., weight)| weight).sum();
    let of_both = items.iter().any(|(_, is, _)| *is) && items.iter().any(|(_, is, _)| !is);
    if !of_both || !weight.is_finite() || weight <= 0.0 {
        return None;
    }
    let mut found = [0.0; N];
    let mut cost = penalized_loss(&found, items, weight);
    for _ in 0..MAX_NEWTON_STEPS {
        let step = newton_step(&found, items, weight)?;
        // A whole step may lead too far.
        let mut share = 1.0;
        let better = loop {
            let next: [f64; N] = std::array::from_fn(|i| found[i] - share * step[i]);
            let next_cost = penalized_loss(&next, items, weight);
            if next_cost < cost {
                break Some((next, next_cost));
            }
            share /= 2.0;
            if share < 1e-9 {
                break None;
            }
        };
        let Some((next, next_cost)) = better else {
            break;
        };
        let gain = cost - next_cost;
        (found, cost) = (next, next_cost);
        if gain < 1e-14 {
            break;
        }
    }
    found.iter().all(|x| x.is_finite()).then_some(found)
}

fn dot<const N: usize>(a: &[f64; N], b: &[f64; N]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// What the coefficient at a place is charged.
fn ridge_penalty<const N: usize>(place: usize) -> f64 {
    if place + 1 < N { RIDGE } else { 0.0 }
}

/// Mean surprise at the items, and the charge for the coefficients.
fn penalized_loss<const N: usize>(b: &[f64; N], items: &[Observation<N>], weight: f64) -> f64 {
    let surprise = |(features, is, weight): &Observation<N>| {
        let score = dot(b, features);
        let against = if *is { -score } else { score };
        // ln(1 + exp(x)), also where exp(x) is too large.
        weight * (against.max(0.0) + (-against.abs()).exp().ln_1p())
    };
    let charge: f64 = (0..N)
        .map(|i| ridge_penalty::<N>(i) * b[i] * b[i] / 2.0)
        .sum();
    items.iter().map(surprise).sum::<f64>() / weight + charge
}

/// The step to take back: the gradient by the inverse of the second derivatives.
fn newton_step<const N: usize>(
    b: &[f64; N],
    items: &[Observation<N>],
    weight: f64,
) -> Option<[f64; N]> {
    let mut gradient: [f64; N] = std::array::from_fn(|i| ridge_penalty::<N>(i) * b[i]);
    let mut second = [[0.0; N]; N];
    for (i, row) in second.iter_mut().enumerate() {
        // The constant needs it where every item is certain already.
        row[i] = ridge_penalty::<N>(i).max(1e-12);
    }
    for (features, is, own) in items {
        let probability = 1.0 / (1.0 + (-dot(b, features)).exp());
        let off = own / weight * (probability - f64::from(u8::from(*is)));
        let slope = own / weight * probability * (1.0 - probability);
        for i in 0..N {
            gradient[i] += off * features[i];
            for j in 0..N {
                second[i][j] += slope * features[i] * features[j];
            }
        }
    }
    solve(second, gradient)
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
        let (known, right) = (a[column], b[column]);
        for (row, value) in a.iter_mut().zip(&mut b).skip(column + 1) {
            let factor = row[column] / pivot;
            row.iter_mut()
                .zip(known)
                .for_each(|(x, y)| *x -= factor * y);
            *value -= factor * right;
        }
    }
    let mut x = [0.0; N];
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|k| a[row][k] * x[k]).sum();
        x[row] = (b[row] - known) / a[row][row];
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
                // Each item is of both kinds, as often as it would be.
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
        // At 0 one of four is right, at 1 three of four: the logits are -ln 3 and ln 3.
        let mut items = Vec::new();
        for (x, right) in [(0.0, 1), (1.0, 3)] {
            items.extend((0..4).map(|i| ([x, 1.0], i < right, 2.0)));
        }
        let found = fit_logistic(&items).unwrap();
        let expected = 3.0_f64.ln();
        assert!((found[0] - 2.0 * expected).abs() < 1e-3, "{found:?}");
        assert!((found[1] + expected).abs() < 1e-3, "{found:?}");
    }

    #[test]
    fn separable_classes_converge() {
        let apart = [([0.0, 1.0], false, 1.0), ([1.0, 1.0], true, 1.0)];
        let found = fit_logistic(&apart).unwrap();
        assert!(found[0] > 10.0 && found[0].is_finite(), "{found:?}");
        assert!((found[1] + found[0] / 2.0).abs() < 1e-3, "{found:?}");
        assert!(fit_logistic(&apart[..1]).is_none());
        assert!(fit_logistic::<2>(&[]).is_none());
    }
}
