//! `antiphon cite`.

use anyhow::Context;
use clap::Args;

use crate::config::Settings;
use crate::export::{Citation, CitationStyle};
use crate::store::PassageId;

use super::block_on::block_on;
use super::{open, output};

/// Arguments of `antiphon cite`.
#[derive(Debug, Args)]
pub(super) struct CiteArgs {
    /// Ids of the passages, such as un-cyber-statement-2015#p3
    #[arg(required = true, value_name = "PASSAGE")]
    passages: Vec<String>,
    /// The form of the citations
    #[arg(long, value_enum, default_value_t)]
    style: CitationStyle,
}

/// Prints the citations in the given order, or nothing if a passage does not exist.
pub(super) fn run(settings: &Settings, arguments: &CiteArgs) -> anyhow::Result<()> {
    let parse = |text: &String| {
        text.parse::<PassageId>()
            .with_context(|| format!("invalid passage id {text:?}"))
    };
    let ids: Vec<PassageId> = arguments
        .passages
        .iter()
        .map(parse)
        .collect::<Result<_, _>>()?;
    let archive = open::archive(settings)?;
    let mut cited = Vec::new();
    for PassageId { document, ordinal } in ids {
        cited.push(block_on(archive.passage(document, ordinal))?);
    }
    let citations: Vec<Citation<'_>> = cited
        .iter()
        .map(|found| Citation {
            document: &found.document,
            passage: &found.passage,
            link: None,
        })
        .collect();
    output::print_line(format_args!("{}", arguments.style.join(&citations)))
}
