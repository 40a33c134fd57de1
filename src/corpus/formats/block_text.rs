//! Plain text from markup: blocks separated by blank lines, as the reader for Markdown writes them.

/// Writes blocks of text. White space is collapsed; list items and table rows are lines.
#[derive(Debug, Default)]
pub(super) struct BlockText {
    text: String,
    block: String,
    /// Whether the last block written belongs to the open list or table.
    continues_group: bool,
    /// Open lists, with the next number of each numbered one.
    lists: Vec<Option<u64>>,
    marker: String,
    /// The number of open table rows; their cells are parts of a line.
    rows: usize,
    tables: usize,
}

impl BlockText {
    /// Appends text to the block, white space collapsed.
    pub(super) fn push(&mut self, text: &str) {
        for character in text.chars() {
            if !character.is_whitespace() {
                self.block.push(character);
            } else if !self.block.is_empty() && !self.block.ends_with([' ', '\n']) {
                self.block.push(' ');
            }
        }
    }

    /// Ends a line within the block.
    pub(super) fn line_break(&mut self) {
        if self.rows > 0 {
            return self.push(" ");
        }
        self.block.truncate(self.block.trim_end_matches(' ').len());
        if !self.block.is_empty() {
            self.block.push('\n');
        }
    }

    pub(super) fn start_list(&mut self, first: Option<u64>) {
        self.end_block();
        self.continues_group &= !self.lists.is_empty();
        self.lists.push(first);
    }

    pub(super) fn end_list(&mut self) {
        self.end_block();
        self.lists.pop();
        self.continues_group &= !self.lists.is_empty();
    }

    pub(super) fn start_item(&mut self) {
        self.end_block();
        self.marker = match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ => "• ".to_owned(),
        };
    }

    pub(super) fn end_item(&mut self) {
        self.end_block();
        self.marker.clear();
    }

    pub(super) fn start_table(&mut self) {
        self.end_block();
        if self.tables == 0 {
            self.continues_group = false;
        }
        self.tables += 1;
    }

    pub(super) fn end_table(&mut self) {
        self.end_block();
        self.tables = self.tables.saturating_sub(1);
        if self.tables == 0 {
            self.continues_group = false;
        }
    }

    pub(super) fn start_row(&mut self) {
        self.end_block();
        self.rows += 1;
    }

    pub(super) fn end_cell(&mut self) {
        self.block.truncate(self.block.trim_end().len());
        self.block.push_str(" | ");
    }

    pub(super) fn end_row(&mut self) {
        self.rows = self.rows.saturating_sub(1);
        let cells = self.block.trim_matches([' ', '|']).to_owned();
        self.block = cells;
        self.end_block();
    }

    /// Writes the block, after a blank line or, within a list or table, after a line end.
    pub(super) fn end_block(&mut self) {
        if self.rows > 0 {
            return self.push(" ");
        }
        let block = std::mem::take(&mut self.block);
        let block = block.trim();
        if block.is_empty() {
            return;
        }
        let inside = self.tables > 0 || !self.lists.is_empty();
        if !self.text.is_empty() {
            let grouped = inside && self.continues_group;
            self.text.push_str(if grouped { "\n" } else { "\n\n" });
        }
        self.text.push_str(&self.marker);
        self.marker.clear();
        self.text.push_str(block);
        self.continues_group = inside;
    }

    /// Returns the block that is being written.
    pub(super) fn block(&self) -> &str {
        self.block.trim()
    }

    /// Returns the length of the text written so far; the next block starts after it.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    pub(super) fn finish(mut self) -> String {
        self.rows = 0;
        self.end_block();
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::BlockText;

    #[test]
    fn blocks_lists_and_tables_are_laid_out_as_in_markdown() {
        let mut text = BlockText::default();
        text.push("  A\n heading ");
        text.end_block();
        text.start_list(Some(7));
        for item in ["one", "two"] {
            text.start_item();
            text.push(item);
            text.end_item();
        }
        text.end_list();
        text.start_table();
        for row in [["a", "b"], ["c", ""]] {
            text.start_row();
            for cell in row {
                text.push(cell);
                text.end_block();
                text.end_cell();
            }
            text.end_row();
        }
        text.end_table();
        text.push("End");
        text.line_break();
        text.push("of it");
        assert_eq!(
            text.finish(),
            "A heading\n\n7. one\n8. two\n\na | b\nc\n\nEnd\nof it"
        );
    }
}
