use std::time::{Duration, Instant};

use super::support::{HubBehaviour, RecordedProgress, Tree, hub, is_tidy, manifest, options, tiny};
use crate::encoder::model::{FetchOptions, ModelError, ModelSource, fetch, open_pinned};

/// Downloads from a hub that fails; returns the message and the time.
fn hub_failure(served: Tree, manner: HubBehaviour) -> (String, Duration) {
    let (address, _asked) = hub(served, manner);
    failure_at(&address)
}

fn failure_at(address: &str) -> (String, Duration) {
    let cache = tempfile::tempdir().unwrap();
    let mut options = options(cache.path(), &[ModelSource::Hub]);
    options.hub_endpoint = Some(address.to_owned());
    options.timeouts.hub_response = Duration::from_millis(700);
    options.timeouts.hub_idle = Duration::from_millis(700);
    let progress = RecordedProgress::default();
    let start = Instant::now();
    let error = fetch(&manifest(&tiny()), &options, &progress).unwrap_err();
    let elapsed = start.elapsed();
    assert!(matches!(error, ModelError::AllSourcesFailed { .. }));
    assert_eq!(progress.failures.lock().unwrap().len(), 1);
    assert!(!manifest(&tiny()).folder(cache.path()).exists());
    assert!(is_tidy(cache.path()));
    (error.to_string(), elapsed)
}

#[test]
fn the_model_is_downloaded_from_the_hub() {
    let tree = tiny();
    let cache = tempfile::tempdir().unwrap();
    let manifest = manifest(&tree);
    let (address, _asked) = hub(tree, HubBehaviour::Good);
    let mut options = options(cache.path(), &[ModelSource::Hub]);
    options.hub_endpoint = Some(format!("{address}/"));
    let progress = RecordedProgress::default();
    let found = fetch(&manifest, &options, &progress).unwrap();
    assert_eq!(found, manifest.folder(cache.path()));
    open_pinned(&manifest, &found).unwrap();
    let total = manifest.total_bytes();
    assert_eq!(*progress.last.lock().unwrap(), (total, Some(total)));
    assert_eq!(
        *progress.sources.lock().unwrap(),
        [format!("hub ({address})")]
    );
    assert!(is_tidy(cache.path()));
}

#[test]
fn a_wrong_hash_is_rejected() {
    let mut tree = tiny();
    tree.get_mut("model.safetensors").unwrap()[1000] ^= 1;
    let (message, _) = hub_failure(tree, HubBehaviour::Good);
    assert!(
        message.contains("model.safetensors is not the pinned file: expected sha256"),
        "{message}"
    );
}

#[test]
fn a_wrong_length_is_rejected_before_the_download() {
    let mut tree = tiny();
    let contents = tree.get_mut("tokenizer.json").unwrap();
    let right = contents.len();
    contents.push(b' ');
    let (message, _) = hub_failure(tree, HubBehaviour::Good);
    let wrong = right + 1;
    let expected = format!("tokenizer.json: expected {right} bytes, received {wrong};");
    assert!(message.contains(&expected), "{message}");
}

#[test]
fn a_silent_hub_times_out() {
    let (message, elapsed) = hub_failure(tiny(), HubBehaviour::Silent);
    assert!(message.contains("no data for 0.7 s"), "{message}");
    assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
}

#[test]
fn a_stalled_hub_times_out() {
    let (message, elapsed) = hub_failure(tiny(), HubBehaviour::Stalls);
    assert!(
        message.contains("model.safetensors: no data for 0.7 s"),
        "{message}"
    );
    assert!(elapsed < Duration::from_secs(6), "{elapsed:?}");
}

#[test]
fn a_hub_that_never_stops_is_cut_off() {
    let (message, _) = hub_failure(tiny(), HubBehaviour::Endless);
    assert!(
        message.contains("model.safetensors: expected 300000 bytes"),
        "{message}"
    );
}

#[test]
fn a_hub_without_the_model_is_reported_with_the_file() {
    let (message, _) = hub_failure(tiny(), HubBehaviour::NotFound);
    assert!(
        message.contains("404") && message.contains("1_Pooling/config.json"),
        "{message}"
    );
}

#[test]
fn a_panic_of_hf_hub_is_a_failure_of_the_source() {
    let (message, _) = hub_failure(tiny(), HubBehaviour::Nonsense);
    assert!(message.contains("1_Pooling/config.json"), "{message}");
}

#[test]
fn a_missing_network_fails_fast() {
    // No server listens there; the domain cannot exist (RFC 2606).
    for address in ["http://127.0.0.1:9", "http://no.such.host.invalid"] {
        let (message, elapsed) = failure_at(address);
        assert!(
            message.contains("check the network and the proxy"),
            "{message}"
        );
        assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
    }
}

#[test]
fn an_invalid_address_is_named() {
    for address in ["huggingface.co", "ftp://huggingface.co"] {
        let (message, _) = failure_at(address);
        assert!(
            message.contains(&format!("received {address:?}")),
            "{message}"
        );
    }
    for address in ["http://", "http://[", "https:// x"] {
        failure_at(address);
    }
}

#[test]
fn the_default_endpoint_is_hugging_face() {
    let mut options = FetchOptions::new("models");
    for endpoint in [None, Some(String::new()), Some(" / ".to_owned())] {
        options.hub_endpoint = endpoint;
        assert_eq!(
            crate::encoder::model::hub::endpoint(&options),
            "https://huggingface.co"
        );
    }
}
