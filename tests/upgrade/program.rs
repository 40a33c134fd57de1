//! Stores of earlier versions under the program itself.

use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{bytes, check_database, copy_into};
use crate::support;
use crate::support::client::{ApiResponse, send};
use crate::support::process::{ServeProcess, antiphon};

/// A folder with a fixture as its data directory, as the program expects it.
fn folder(fixture: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    copy_into(fixture, &data);
    folder
}

fn run(folder: &TempDir, arguments: &[&str]) -> Output {
    support::model_folder();
    antiphon(folder, arguments).output().unwrap()
}

/// The message of a command that fails and leaves the store alone.
#[track_caller]
fn refusal(folder: &TempDir, arguments: &[&str]) -> String {
    let before = bytes(&folder.path().join("data"));
    let output = run(folder, arguments);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(bytes(&folder.path().join("data")) == before, "{message}");
    message
}

/// The ids of the documents that a search finds.
fn found(response: &ApiResponse) -> Vec<&str> {
    let hits = response.body["hits"].as_array().unwrap();
    hits.iter()
        .map(|hit| hit["document"]["id"].as_str().unwrap())
        .collect()
}

#[test]
fn a_store_of_version_2_is_served_changed_and_served_again() {
    let folder = folder("v2");
    // A graph however few the passages are, in place of the file that version 2 wrote.
    let settings = [("ANTIPHON_EXACT_THRESHOLD", "0")];
    let served = ServeProcess::start(&folder, &[], &settings);
    assert!(
        served.ready_lines[0].contains("4 documents, 5 passages"),
        "{:?}",
        served.ready_lines
    );
    let get = |served: &ServeProcess, path: &str| send("GET", served.address, path, None);
    let response = get(&served, "/v1/search?q=children+who+cannot+go+to+class");
    assert_eq!(found(&response)[0], "school");
    let response = get(&served, "/v1/search?q=otztal&mode=keyword");
    assert_eq!(found(&response), ["glacier"]);
    let document = json!({"text": "The old bridge over the river fell in the flood."});
    let put = send(
        "PUT",
        served.address,
        "/v1/documents/bridge",
        Some(&document.to_string()),
    );
    assert_eq!(put.status, 201, "{}", put.body);
    let deleted = send("DELETE", served.address, "/v1/documents/school", None);
    assert_eq!(deleted.status, 204, "{}", deleted.body);
    served.signal("TERM");
    served.wait_for_success();

    let served = ServeProcess::start(&folder, &[], &settings);
    assert!(
        served.ready_lines[0].contains("4 documents, 5 passages"),
        "{:?}",
        served.ready_lines
    );
    let response = get(&served, "/v1/search?q=bridge+over+a+river&mode=hybrid");
    assert_eq!(found(&response)[0], "bridge");
    let response = get(&served, "/v1/search?q=treasure&mode=keyword");
    assert_eq!(found(&response), [""; 0]);
    served.signal("TERM");
    served.wait_for_success();
    check_database(&folder.path().join("data"));
}

#[test]
fn a_search_migrates_a_store_of_the_first_program() {
    let folder = folder("v1-first");
    let arguments = ["search", "children who cannot go to class", "--json"];
    let output = run(&folder, &[&arguments[..], &["--precision", "f32"]].concat());
    assert!(output.status.success(), "{output:?}");
    let response: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(response["hits"][0]["document"]["id"], "school");
    check_database(&folder.path().join("data"));
}

#[test]
fn a_store_of_an_earlier_int8_is_refused_by_every_command() {
    let folder = folder("v1-int8");
    for arguments in [
        &["search", "peace"][..],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let message = refusal(&folder, arguments);
        assert!(
            message.contains("arithmetic: stored 1, running "),
            "{message}"
        );
        assert!(message.contains("--data-dir"), "{message}");
    }
}

#[test]
fn commands_that_only_read_say_who_migrates() {
    let folder = folder("v2");
    let message = refusal(&folder, &["export", "vectors", "--out", "vectors.npy"]);
    assert!(message.contains("earlier version of Antiphon"), "{message}");
    assert!(message.contains("antiphon index"), "{message}");
}
