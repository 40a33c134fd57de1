//! The texts of the members of families.

use std::sync::Arc;

use crate::passages::TextRange;
use crate::store::{DocumentSummary, HitRecord, PassageRecord};

use super::corpus_context::CorpusContext;
use super::error::ParallelsError;
use super::families::{Family, FamilyMember};

/// A family with the texts of its members.
#[derive(Debug, Clone)]
pub struct FamilyTexts {
    /// The family.
    pub family: Family,
    /// Its members, in the order of the family.
    pub members: Vec<MemberText>,
}

/// A member of a family: a passage, or a sentence in its passage.
#[derive(Debug, Clone)]
pub struct MemberText {
    /// The passage.
    pub passage: PassageRecord,
    /// Range of the sentence that is the member, in characters of the document; `None` for a whole
    /// passage.
    pub sentence: Option<TextRange>,
    /// Its document, without the text.
    pub document: Arc<DocumentSummary>,
    /// Confidence with respect to the representative; 1 for the representative itself.
    pub confidence: f32,
    /// Whether it is the representative.
    pub is_representative: bool,
    /// Whether it has the earliest date.
    pub is_first: bool,
}

impl FamilyTexts {
    /// Loads the texts of a family's members.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or the family belongs to another snapshot.
    pub fn load(context: &CorpusContext, family: &Family) -> Result<Self, ParallelsError> {
        let rows: Vec<u32> = family
            .members
            .iter()
            .map(|member| member.unit.row)
            .collect();
        let records = context.hit_records(&rows)?.into_iter();
        let members = records.zip(&family.members).enumerate();
        let table = context.snapshot().document_table();
        let member = |(index, (hit, member)): (usize, (HitRecord, &FamilyMember))| {
            let document = table.document_of_row(member.unit.row);
            let sentence = member.unit.sentence.map(|sentence| {
                let range = hit.passage.sentences.get(usize::from(sentence)).copied();
                range.ok_or(ParallelsError::SnapshotMismatch)
            });
            Ok(MemberText {
                sentence: sentence.transpose()?,
                passage: hit.passage,
                document: Arc::clone(document.ok_or(ParallelsError::SnapshotMismatch)?),
                confidence: member.confidence,
                is_representative: member.unit == family.representative,
                is_first: index < family.first_count,
            })
        };
        Ok(Self {
            members: members.map(member).collect::<Result<_, ParallelsError>>()?,
            family: family.clone(),
        })
    }

    /// Returns the representative.
    #[must_use]
    pub fn representative(&self) -> Option<&MemberText> {
        self.members.iter().find(|member| member.is_representative)
    }
}

impl MemberText {
    /// Returns the text of the member: the sentence, or the whole passage.
    #[must_use]
    pub fn text(&self) -> &str {
        self.passage.slice(self.range())
    }

    /// Returns its range, in characters of the document.
    #[must_use]
    pub fn range(&self) -> TextRange {
        self.sentence.unwrap_or(self.passage.range)
    }
}
