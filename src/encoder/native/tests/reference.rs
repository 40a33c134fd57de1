//! A reference implementation of BERT in `f64`, written for clarity, with random weights.

use std::collections::BTreeMap;

use crate::encoder::native::NetworkShape;

/// Random weights with the tensor names of a real file.
pub(super) struct Tensors(BTreeMap<String, (Vec<usize>, Vec<f32>)>);

impl Tensors {
    pub(super) fn new(config: &NetworkShape) -> Self {
        let (hidden, wide) = (config.hidden_size, config.intermediate_size);
        let mut tensors = BTreeMap::new();
        let mut state = 7_u32;
        let mut add = |name: String, shape: &[usize], centre: f32, spread: f32| {
            let count = shape.iter().product();
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let unit = (state >> 8) as f32 / 8_388_608.0 - 1.0;
                spread.mul_add(unit, centre)
            };
            let numbers = (0..count).map(|_| next()).collect();
            tensors.insert(name, (shape.to_vec(), numbers));
        };
        for (table, rows) in [
            ("word", config.vocab_size),
            ("position", config.max_position_embeddings),
            ("token_type", 2),
        ] {
            add(
                format!("embeddings.{table}_embeddings.weight"),
                &[rows, hidden],
                0.0,
                1.0,
            );
        }
        let mut norms = vec!["embeddings.LayerNorm".to_owned()];
        for layer in 0..config.num_hidden_layers {
            for (part, inputs, outputs) in [
                ("attention.self.query", hidden, hidden),
                ("attention.self.key", hidden, hidden),
                ("attention.self.value", hidden, hidden),
                ("attention.output.dense", hidden, hidden),
                ("intermediate.dense", hidden, wide),
                ("output.dense", wide, hidden),
            ] {
                let name = format!("encoder.layer.{layer}.{part}");
                add(format!("{name}.weight"), &[outputs, inputs], 0.0, 0.2);
                add(format!("{name}.bias"), &[outputs], 0.0, 0.2);
            }
            norms.push(format!("encoder.layer.{layer}.attention.output.LayerNorm"));
            norms.push(format!("encoder.layer.{layer}.output.LayerNorm"));
        }
        for norm in norms {
            add(format!("{norm}.weight"), &[hidden], 1.0, 0.3);
            add(format!("{norm}.bias"), &[hidden], 0.0, 0.2);
        }
        Self(tensors)
    }

    /// Replaces a weight by NaN.
    pub(super) fn poison(&mut self) {
        let name = "encoder.layer.1.output.dense.weight";
        self.0.get_mut(name).unwrap().1[3] = f32::NAN;
    }

    /// Serializes the weights as a safetensors file.
    pub(super) fn safetensors(&self) -> Vec<u8> {
        let bytes: Vec<Vec<u8>> = self
            .0
            .values()
            .map(|(_, v)| v.iter().flat_map(|x| x.to_le_bytes()).collect())
            .collect();
        let views = self
            .0
            .iter()
            .zip(&bytes)
            .map(|((name, (shape, _)), bytes)| {
                let dtype = safetensors::Dtype::F32;
                (
                    name,
                    safetensors::tensor::TensorView::new(dtype, shape.clone(), bytes).unwrap(),
                )
            });
        safetensors::serialize(views, None).unwrap()
    }

    fn get(&self, name: &str) -> Vec<f64> {
        self.0[name].1.iter().map(|x| f64::from(*x)).collect()
    }

    fn dense(&self, name: &str, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (w, b) = (
            self.get(&format!("{name}.weight")),
            self.get(&format!("{name}.bias")),
        );
        let row = |x: &Vec<f64>| {
            let outputs = w.chunks(x.len()).zip(&b);
            outputs
                .map(|(w, b)| w.iter().zip(x).map(|(w, x)| w * x).sum::<f64>() + b)
                .collect()
        };
        x.iter().map(row).collect()
    }

    fn norm(&self, config: &NetworkShape, name: &str, x: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (g, b) = (
            self.get(&format!("{name}.weight")),
            self.get(&format!("{name}.bias")),
        );
        let row = |x: &Vec<f64>| {
            let n = x.len() as f64;
            let mean = x.iter().sum::<f64>() / n;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            let factor = 1.0 / (variance + f64::from(config.layer_norm_eps)).sqrt();
            x.iter()
                .zip(&g)
                .zip(&b)
                .map(|((x, g), b)| (x - mean) * factor * g + b)
                .collect()
        };
        x.iter().map(row).collect()
    }

    /// Computes the unit vector of a sequence.
    pub(super) fn embed(&self, config: &NetworkShape, ids: &[u32]) -> Vec<f64> {
        let (hidden, size) = (config.hidden_size, config.head_size());
        let table = |name: &str, row: usize| {
            let table = self.get(&format!("embeddings.{name}_embeddings.weight"));
            table[row * hidden..][..hidden].to_vec()
        };
        let sum = |a: &[Vec<f64>], b: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let row =
                |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a + b).collect();
            a.iter().zip(b).map(row).collect()
        };
        let words: Vec<_> = ids.iter().map(|&id| table("word", id as usize)).collect();
        let positions: Vec<_> = (0..ids.len()).map(|i| table("position", i)).collect();
        let types = vec![table("token_type", 0); ids.len()];
        let mut x = self.norm(
            config,
            "embeddings.LayerNorm",
            &sum(&sum(&words, &positions), &types),
        );
        for layer in 0..config.num_hidden_layers {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            let [q, k, v] = ["query", "key", "value"]
                .map(|part| self.dense(&name(&format!("attention.self.{part}")), &x));
            let mut context = vec![vec![0.0; hidden]; ids.len()];
            for head in (0..hidden).step_by(size) {
                for (q, out) in q.iter().zip(&mut context) {
                    let logit = |k: &Vec<f64>| {
                        let products = (head..head + size).map(|c| q[c] * k[c]);
                        (products.sum::<f64>() / (size as f64).sqrt()).exp()
                    };
                    let powers: Vec<f64> = k.iter().map(logit).collect();
                    let total: f64 = powers.iter().sum();
                    for c in head..head + size {
                        let mixed = powers.iter().zip(&v).map(|(p, v)| p * v[c]);
                        out[c] = mixed.sum::<f64>() / total;
                    }
                }
            }
            let update = self.dense(&name("attention.output.dense"), &context);
            x = self.norm(
                config,
                &name("attention.output.LayerNorm"),
                &sum(&x, &update),
            );
            let mut wide = self.dense(&name("intermediate.dense"), &x);
            wide.iter_mut().flatten().for_each(|x| *x *= normal_cdf(*x));
            let update = self.dense(&name("output.dense"), &wide);
            x = self.norm(config, &name("output.LayerNorm"), &sum(&x, &update));
        }
        let mut pooled = vec![0.0; hidden];
        for row in &x {
            pooled.iter_mut().zip(row).for_each(|(p, x)| *p += x);
        }
        let length = pooled.iter().map(|x| x * x).sum::<f64>().sqrt();
        pooled.iter().map(|x| x / length).collect()
    }
}

/// The normal distribution function, by the Taylor series of erf; precise for moderate arguments.
fn normal_cdf(x: f64) -> f64 {
    let z = (x / std::f64::consts::SQRT_2).clamp(-5.0, 5.0);
    let (mut term, mut sum) = (z, z);
    for n in 1..200 {
        let n = f64::from(n);
        term *= -z * z / n;
        sum += term / (2.0 * n + 1.0);
    }
    0.5 + sum / std::f64::consts::PI.sqrt()
}

/// Returns the cosine of two vectors.
pub(super) fn cosine(a: &[f32], b: &[f64]) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * b).sum();
    let length = |x: f64| x.sqrt();
    let aa: f64 = a.iter().map(|x| f64::from(*x).powi(2)).sum();
    let bb: f64 = b.iter().map(|x| x * x).sum();
    dot / length(aa) / length(bb)
}
