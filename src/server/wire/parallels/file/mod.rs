//! Parallels and families as files of JSON lines: those of the service, and a first and a last that say
//! what a file must say by itself.

mod families;
mod pairs;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::{FamilyDto, Provenance};
use crate::parallels::export::ExportProvenance;

/// Writes a line for where it all comes from, one for each pair or family, and one for what was found.
pub struct Jsonl<W> {
    out: W,
    /// The last line, once it is known.
    end_line: Vec<u8>,
}

/// A line that a stream of the service has not, or not so: exactly one of these. `E` is what the last
/// one holds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum FileLine<'a, E> {
    Begin(&'a FileBegin<'a>),
    Family(&'a FamilyDto),
    End(E),
}

/// Where a file comes from.
#[derive(Debug, Serialize)]
struct FileBegin<'a> {
    title: String,
    /// What was asked, by the names of the command line.
    asked: Map<String, Value>,
    /// The commit from which the program was made.
    commit: &'a str,
    /// When the corpus was last changed, if the store remembers it.
    corpus_changed: Option<&'a str>,
    provenance: Provenance,
}

impl<W: Write> Jsonl<W> {
    /// Writes to this.
    pub fn new(out: W) -> Self {
        Self {
            out,
            end_line: Vec::new(),
        }
    }

    /// Writes the first line and remembers the last.
    fn write_begin<E: Serialize>(
        &mut self,
        title: String,
        origin: &ExportProvenance,
        end: E,
    ) -> io::Result<()> {
        write_line(&mut self.end_line, &FileLine::End(end))?;
        let asked = origin.parameters.iter();
        let asked = asked.map(|(name, value)| (name.clone(), value.clone().into()));
        let begin = FileBegin {
            title,
            asked: asked.collect(),
            commit: origin.commit,
            corpus_changed: origin.changed.as_deref(),
            provenance: origin.into(),
        };
        write_line(&mut self.out, &FileLine::<E>::Begin(&begin))
    }
}

fn write_line(out: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.write_all(b"\n")
}
