//! Dates and ids.

use proptest::prelude::*;

use crate::corpus::{DocumentId, PartialDate};

#[test]
fn dates_have_a_first_and_a_last_day() {
    for (text, first, last) in [
        ("2015", "2015-01-01", "2015-12-31"),
        ("2016-02", "2016-02-01", "2016-02-29"),
        ("2015-10-23", "2015-10-23", "2015-10-23"),
        ("0001", "0001-01-01", "0001-12-31"),
        ("9999", "9999-01-01", "9999-12-31"),
    ] {
        let date: PartialDate = text.parse().unwrap();
        assert_eq!(date.to_string(), text);
        assert_eq!(date.first_day().to_string(), first);
        assert_eq!(date.last_day().to_string(), last);
        assert_eq!(serde_json::to_string(&date).unwrap(), format!("{text:?}"));
    }
}

#[test]
fn invalid_dates_are_rejected() {
    for text in [
        "",
        "15",
        "20155",
        "0000",
        "+015",
        " 2015",
        "2015-",
        "2015-1",
        "2015-13",
        "2015-00",
        "2015-02-29",
        "2015-10-00",
        "2015-10-23-",
        "2015-10-23T00:00",
        "2015/10/23",
        "２０１５",
    ] {
        assert!(text.parse::<PartialDate>().is_err(), "{text:?}");
    }
    let error = "2015-02-29".parse::<PartialDate>().unwrap_err().to_string();
    assert!(
        error.contains("2015-02-29") && error.contains("no such day"),
        "{error}"
    );
}

#[test]
fn ids_reject_characters_with_a_meaning_in_urls_and_passage_ids() {
    for text in [
        "AFG_70_2015",
        "речь-1",
        "演說",
        "a:b",
        "1.2",
        &"é".repeat(200),
    ] {
        assert_eq!(text.parse::<DocumentId>().unwrap().as_str(), text);
    }
    for text in [
        "",
        ".",
        "..",
        "a b",
        " a",
        "a#1",
        "a/b",
        "a\\b",
        "a?",
        "100%",
        "a\n",
        "a\u{200b}",
        "\u{feff}a",
        &"é".repeat(201),
    ] {
        assert!(text.parse::<DocumentId>().is_err(), "{text:?}");
    }
    assert!(serde_json::from_str::<DocumentId>("\"a b\"").is_err());
}

#[test]
fn ids_from_names_are_readable() {
    for (name, id) in [
        ("1789-Washington", "1789-Washington"),
        ("Speech no. 3 (final)", "Speech-no.-3-(final)"),
        ("A - B", "A-B"),
        ("  what? #1 ", "what-1"),
        ("e\u{301}cole", "école"),
    ] {
        assert_eq!(DocumentId::from_name(name).as_str(), id);
    }
    let long = |end: &str| DocumentId::from_name(&format!("{}{end}", "x".repeat(300)));
    assert_ne!(long("1"), long("2"));
    assert_ne!(DocumentId::from_name("??"), DocumentId::from_name("%%"));
    // Stores have such ids: the hash must never change.
    assert_eq!(
        DocumentId::from_name("??").as_str(),
        "document-080d0907b4cb7be3"
    );
    let id = long("a");
    assert!(id.as_str().ends_with("x-1e682f5bff08c75c"));
}

proptest! {
    #[test]
    fn dates_round_trip(text in "[0-9]{4}(-[01][0-9](-[0-3][0-9])?)?") {
        if let Ok(date) = text.parse::<PartialDate>() {
            prop_assert_eq!(date.to_string(), text);
            prop_assert!(date.first_day() <= date.last_day());
        }
    }

    #[test]
    fn dates_sort_by_first_day_then_coarser_first(
        a in "20[01][0-9](-0[1-3](-0[1-3])?)?",
        b in "20[01][0-9](-0[1-3](-0[1-3])?)?",
    ) {
        let (a, b): (PartialDate, PartialDate) = (a.parse().unwrap(), b.parse().unwrap());
        let key = |date: PartialDate| (date.first_day(), date.to_string().len());
        prop_assert_eq!(a.cmp(&b), key(a).cmp(&key(b)));
    }

    #[test]
    fn no_input_causes_a_panic(text in ".*") {
        let _ = text.parse::<PartialDate>();
    }

    #[test]
    fn every_name_has_a_valid_id(name in ".*") {
        let id = DocumentId::from_name(&name);
        prop_assert_eq!(id.as_str().parse::<DocumentId>(), Ok(id.clone()));
        prop_assert_eq!(DocumentId::from_name(id.as_str()), id);
    }

    #[test]
    fn a_valid_id_is_not_changed(name in "[^\\s#/\\\\?%]{1,40}") {
        if let Ok(id) = name.parse::<DocumentId>() {
            prop_assert_eq!(DocumentId::from_name(&name), id);
        }
    }
}
