//! Canonical encoding: the bytes that decide whether two values are the same.
//!
//! An index file is valid only for the store and encoder that it was built from, a cursor only for
//! the request that returned it, and cached rows are looked up by their filter. Each of these
//! identities is, or is a hash of, the bytes that a value writes here. The bytes of two values of one
//! type are equal only if the values are: strings and lists are preceded by their lengths, variants
//! by a tag. No name of a Rust type, field or variant is among the bytes, so renaming one changes no
//! identity; tests pin the bytes. The encoding:
//!
//! | value | bytes |
//! | --- | --- |
//! | unsigned and signed integers | 8, little-endian |
//! | `bool` | 1: 0 or 1 |
//! | `f32` | 4, little-endian bits; -0 as 0, every NaN as one |
//! | string, tag of a variant, hash | its length as an integer, then UTF-8, or the bytes |
//! | `Option` | 0, or 1 and the value |
//! | list | its length as an integer, then its items |
//! | struct | its fields in a fixed order |
//!
//! A struct is destructured by a pattern that names all of its fields, so that a new field does not
//! compile until it is encoded. A new field or order needs a new [`Identity::VERSION`].

/// A value with a canonical encoding.
pub(crate) trait Canonical {
    /// Appends everything that distinguishes the value from others of its type.
    fn write_canonical(&self, bytes: &mut CanonicalBytes);
}

/// A value whose bytes are hashed or compared on their own, not as part of another value.
pub(crate) trait Identity: Canonical {
    /// Separates its bytes from those of other types.
    const DOMAIN: &'static str;

    /// Changes whenever the encoding of the type changes.
    const VERSION: u32 = 1;

    /// Returns the encoding of the domain, the version and the value.
    fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = CanonicalBytes::default();
        bytes.tag(Self::DOMAIN).put(&Self::VERSION).put(self);
        bytes.0
    }
}

/// A buffer of encoded values.
#[derive(Default)]
pub(crate) struct CanonicalBytes(Vec<u8>);

impl CanonicalBytes {
    pub(crate) fn put<T: Canonical + ?Sized>(&mut self, value: &T) -> &mut Self {
        value.write_canonical(self);
        self
    }

    /// Appends bytes, preceded by their length.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.put(&bytes.len());
        self.0.extend(bytes);
        self
    }

    /// Appends the stable name of a variant.
    pub(crate) fn tag(&mut self, name: &'static str) -> &mut Self {
        self.put(name)
    }

    /// Appends items, preceded by their count.
    pub(crate) fn list<T: Canonical>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
    ) -> &mut Self {
        self.put(&items.len());
        for item in items {
            self.put(&item);
        }
        self
    }
}

impl Canonical for u64 {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.0.extend(self.to_le_bytes());
    }
}

impl Canonical for i64 {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.0.extend(self.to_le_bytes());
    }
}

impl Canonical for u32 {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.put(&u64::from(*self));
    }
}

impl Canonical for usize {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.put(&(*self as u64));
    }
}

impl Canonical for bool {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.0.push(u8::from(*self));
    }
}

impl Canonical for f32 {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        let value = match *self {
            value if value.is_nan() => Self::NAN,
            // The sum of -0 and 0 is 0.
            value => value + 0.0,
        };
        bytes.0.extend(value.to_bits().to_le_bytes());
    }
}

impl Canonical for str {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.bytes(self.as_bytes());
    }
}

impl Canonical for String {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.put(self.as_str());
    }
}

impl<T: Canonical> Canonical for Option<T> {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.put(&self.is_some());
        if let Some(value) = self {
            bytes.put(value);
        }
    }
}

impl<T: Canonical> Canonical for Vec<T> {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        bytes.list(self.iter());
    }
}

impl<T: Canonical + ?Sized> Canonical for &T {
    fn write_canonical(&self, bytes: &mut CanonicalBytes) {
        (**self).write_canonical(bytes);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Asserts that each of these changes to a value results in distinct bytes.
    pub(crate) fn assert_each_counts<T: Clone>(
        original: &T,
        changes: &[fn(&mut T)],
        canonical_bytes: impl Fn(&T) -> Vec<u8>,
    ) {
        let mut seen = vec![canonical_bytes(original)];
        for (i, change) in changes.iter().enumerate() {
            let mut altered = original.clone();
            change(&mut altered);
            let bytes = canonical_bytes(&altered);
            assert!(
                !seen.contains(&bytes),
                "change {i} does not change the bytes"
            );
            seen.push(bytes);
        }
    }

    fn encode<T: Canonical + ?Sized>(value: &T) -> Vec<u8> {
        let mut bytes = CanonicalBytes::default();
        bytes.put(value);
        bytes.0
    }

    #[test]
    fn encodings_are_pinned() {
        assert_eq!(encode(&258_u64), [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(encode(&258_usize), encode(&258_u64));
        assert_eq!(encode(&258_u32), encode(&258_u64));
        assert_eq!(encode(&-2_i64), [254, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(encode(&[true, false].to_vec())[8..], [1, 0]);
        assert_eq!(encode(&1.0_f32), [0, 0, 0x80, 0x3f]);
        assert_eq!(encode("é"), [2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0xa9]);
        assert_eq!(encode(&"é".to_owned()), encode("é"));
        assert_eq!(encode(&None::<bool>), [0]);
        assert_eq!(encode(&Some(false)), [1, 0]);
        assert_eq!(encode(&vec!["a"]), b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a");
    }

    #[test]
    fn lengths_are_part_of_the_encoding() {
        assert_ne!(encode(&vec!["ab", "c"]), encode(&vec!["a", "bc"]));
        assert_ne!(encode(&vec![""]), encode(&Vec::<&str>::new()));
        assert_ne!(encode(&Some("")), encode(&None::<&str>));
    }

    #[test]
    fn equal_floats_have_equal_bytes() {
        assert_eq!(encode(&-0.0_f32), encode(&0.0_f32));
        assert_eq!(encode(&-f32::NAN), encode(&f32::NAN));
        assert_ne!(encode(&0.0_f32), encode(&f32::from_bits(1)));
        assert_ne!(encode(&-1.0_f32), encode(&1.0_f32));
    }

    #[test]
    fn an_identity_begins_with_its_domain_and_version() {
        struct Empty;
        impl Canonical for Empty {
            fn write_canonical(&self, _: &mut CanonicalBytes) {}
        }
        impl Identity for Empty {
            const DOMAIN: &'static str = "none";
            const VERSION: u32 = 3;
        }
        assert_eq!(
            Empty.canonical_bytes(),
            b"\x04\0\0\0\0\0\0\0none\x03\0\0\0\0\0\0\0"
        );
    }
}
