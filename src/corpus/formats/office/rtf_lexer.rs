//! The tokens of rich text.

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `{`
    Open,
    /// `}`
    Close,
    /// `\word` with its number, if it has one.
    Word(&'a str, Option<i32>),
    /// `\` and a character that is not a letter.
    Symbol(u8),
    /// `\'hh`: a byte in the code page of the text.
    Byte(u8),
    /// Other bytes, without line ends.
    Text(&'a [u8]),
}

/// Splits rich text into tokens.
pub(super) struct Lexer<'a> {
    rest: &'a [u8],
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Skips the data of a picture.
    pub(super) fn skip_bytes(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    fn control(&mut self, tail: &'a [u8]) -> Token<'a> {
        let letters = tail
            .iter()
            .take(32)
            .take_while(|byte| byte.is_ascii_alphabetic())
            .count();
        if letters == 0 {
            let symbol = tail.first().copied().unwrap_or(b' ');
            self.rest = tail.get(1..).unwrap_or_default();
            if symbol == b'\'' {
                let digits = self
                    .rest
                    .get(..2)
                    .and_then(|digits| std::str::from_utf8(digits).ok());
                if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    self.rest = self.rest.get(2..).unwrap_or_default();
                    return Token::Byte(byte);
                }
            }
            return Token::Symbol(symbol);
        }
        let (word, after) = tail.split_at(letters);
        let sign = usize::from(after.first() == Some(&b'-'));
        let digits = after
            .iter()
            .skip(sign)
            .take(10)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let number = if digits > 0 {
            after.get(..sign + digits)
        } else {
            None
        };
        let used = number.map_or(0, <[u8]>::len);
        self.rest = after.get(used..).unwrap_or_default();
        if self.rest.first() == Some(&b' ') {
            self.skip_bytes(1);
        }
        let number = number.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        Token::Word(std::str::from_utf8(word).unwrap_or_default(), number)
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let (byte, tail) = self.rest.split_first()?;
            match byte {
                b'{' => {
                    self.rest = tail;
                    return Some(Token::Open);
                }
                b'}' => {
                    self.rest = tail;
                    return Some(Token::Close);
                }
                b'\\' => return Some(self.control(tail)),
                b'\r' | b'\n' | 0 => self.rest = tail,
                _ => {
                    let special =
                        |byte: &u8| matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n' | 0);
                    let end = self
                        .rest
                        .iter()
                        .position(special)
                        .unwrap_or(self.rest.len());
                    let (text, rest) = self.rest.split_at(end);
                    self.rest = rest;
                    return Some(Token::Text(text));
                }
            }
        }
    }
}
