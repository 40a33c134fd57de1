//! From families to what they stand for: the texts of their members.

use std::sync::Arc;

use crate::passages::TextRange;
use crate::store::{DocumentSummary, HitRecord, PassageRecord};

use super::{CorpusContext, Family, FamilyMember, ParallelsError};

/// A family with the texts of its members.
#[derive(Debug, Clone)]
pub struct FamilyTexts {
    /// Its numbers.
    pub family: Family,
    /// Its members, in their order.
    pub members: Vec<MemberText>,
}

/// A passage of a family, or a sentence in its passage.
#[derive(Debug, Clone)]
pub struct MemberText {
    /// The passage.
    pub passage: PassageRecord,
    /// The sentence that is the member, in characters of the document; `None` where the whole passage is.
    pub sentence: Option<TextRange>,
    /// Its document, without the text.
    pub document: Arc<DocumentSummary>,
    /// How alike it is to the representative; 1 for the representative itself.
    pub confidence: f32,
    /// Whether it is the member that is most like the others.
    pub is_representative: bool,
    /// Whether it is one of the first.
    pub is_first: bool,
}

impl FamilyTexts {
    /// Reads the texts of a family.
    ///
    /// # Errors
    ///
    /// If the store cannot be read, or the family belongs to another snapshot.
    pub fn load(survey: &CorpusContext, family: &Family) -> Result<Self, ParallelsError> {
        let rows: Vec<u32> = family
            .members
            .iter()
            .map(|member| member.unit.row)
            .collect();
        let read = survey.hit_records(&rows)?.into_iter();
        let members = read.zip(&family.members).enumerate();
        let catalogue = survey.snapshot().document_table();
        let member = |(place, (hit, member)): (usize, (HitRecord, &FamilyMember))| {
            let document = catalogue.document_of_row(member.unit.row);
            let sentence = member.unit.sentence.map(|place| {
                let range = hit.passage.sentences.get(usize::from(place)).copied();
                range.ok_or(ParallelsError::SnapshotMismatch)
            });
            Ok(MemberText {
                sentence: sentence.transpose()?,
                passage: hit.passage,
                document: Arc::clone(document.ok_or(ParallelsError::SnapshotMismatch)?),
                confidence: member.confidence,
                is_representative: member.unit == family.representative,
                is_first: place < family.first_count,
            })
        };
        Ok(Self {
            members: members.map(member).collect::<Result<_, ParallelsError>>()?,
            family: family.clone(),
        })
    }

    /// The member that is most like the others.
    #[must_use]
    pub fn representative(&self) -> Option<&MemberText> {
        self.members.iter().find(|member| member.is_representative)
    }
}

impl MemberText {
    /// What the member says: the sentence, or the whole passage.
    #[must_use]
    pub fn text(&self) -> &str {
        self.passage.slice(self.range())
    }

    /// Where it stands, in characters of the document.
    #[must_use]
    pub fn range(&self) -> TextRange {
        self.sentence.unwrap_or(self.passage.range)
    }
}
