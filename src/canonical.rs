//! Values as bytes that decide whether two of them are the same.
//!
//! An index file is used only by the store and encoder that it was made for, a cursor goes on only
//! in the request that it came from, a filter's rows are kept under the filter. Each of these
//! identities is a hash of, or is, the bytes that a value writes here. The bytes of two values of one
//! type are equal only if the values are: texts and lists are preceded by their lengths, variants
//! are named. No name of a Rust type, field or variant is among them, so renaming one changes no
//! identity; tests pin the bytes. What is written follows these rules:
//!
//! | value | bytes |
//! | --- | --- |
//! | unsigned and signed integers | 8, little-endian |
//! | `bool` | 1: 0 or 1 |
//! | `f32` | 4, little-endian bits; -0 as 0, every NaN as one |
//! | text, name of a variant, hash | its length as an integer, then UTF-8, or the bytes |
//! | `Option` | 0, or 1 and the value |
//! | list | its length as an integer, then its items |
//! | struct | its fields in a fixed order |
//!
//! A struct is taken apart by a pattern that names all of its fields, so that the compiler asks about
//! a new one. A new field, or another order, needs a new [`Identity::VERSION`].

/// A value that writes the bytes it is compared by.
pub(crate) trait Canonical {
    /// Writes all that makes the value differ from others of its type.
    fn write_canonical(&self, bytes: &mut CanonicalBytes);
}

/// A value that is hashed or looked up by its bytes, on its own.
pub(crate) trait Identity: Canonical {
    /// Tells its bytes from those of other types.
    const DOMAIN: &'static str;

    /// Changes whenever the same value comes to be written as other bytes.
    const VERSION: u32 = 1;

    /// The domain, the version and the value.
    fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = CanonicalBytes::default();
        bytes.tag(Self::DOMAIN).put(&Self::VERSION).put(self);
        bytes.0
    }
}

/// Collects the bytes of values.
#[derive(Default)]
pub(crate) struct CanonicalBytes(Vec<u8>);

impl CanonicalBytes {
    /// Appends a value.
    pub(crate) fn put<T: Canonical + ?Sized>(&mut self, value: &T) -> &mut Self {
        value.write_canonical(self);
        self
    }

    /// Appends bytes, preceded by their number.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.put(&bytes.len());
        self.0.extend(bytes);
        self
    }

    /// Appends the stable name of a variant.
    pub(crate) fn tag(&mut self, name: &'static str) -> &mut Self {
        self.put(name)
    }

    /// Appends items, preceded by their number.
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

    /// Asserts that changing a value in any of these ways gives it bytes that nothing else has.
    pub(crate) fn assert_each_counts<T: Clone>(
        original: &T,
        changes: &[fn(&mut T)],
        canonical_bytes: impl Fn(&T) -> Vec<u8>,
    ) {
        let mut seen = vec![canonical_bytes(original)];
        for (place, change) in changes.iter().enumerate() {
            let mut changed = original.clone();
            change(&mut changed);
            let bytes = canonical_bytes(&changed);
            assert!(!seen.contains(&bytes), "change {place} does not count");
            seen.push(bytes);
        }
    }

    fn written<T: Canonical + ?Sized>(value: &T) -> Vec<u8> {
        let mut bytes = CanonicalBytes::default();
        bytes.put(value);
        bytes.0
    }

    #[test]
    fn every_kind_of_value_has_its_bytes() {
        assert_eq!(written(&258_u64), [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(written(&258_usize), written(&258_u64));
        assert_eq!(written(&258_u32), written(&258_u64));
        assert_eq!(written(&-2_i64), [254, 255, 255, 255, 255, 255, 255, 255]);
        assert_eq!(written(&[true, false].to_vec())[8..], [1, 0]);
        assert_eq!(written(&1.0_f32), [0, 0, 0x80, 0x3f]);
        assert_eq!(written("é"), [2, 0, 0, 0, 0, 0, 0, 0, 0xc3, 0xa9]);
        assert_eq!(written(&"é".to_owned()), written("é"));
        assert_eq!(written(&None::<bool>), [0]);
        assert_eq!(written(&Some(false)), [1, 0]);
        assert_eq!(
            written(&vec!["a"]),
            b"\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0a"
        );
    }

    #[test]
    fn boundaries_count() {
        assert_ne!(written(&vec!["ab", "c"]), written(&vec!["a", "bc"]));
        assert_ne!(written(&vec![""]), written(&Vec::<&str>::new()));
        assert_ne!(written(&Some("")), written(&None::<&str>));
    }

    #[test]
    fn numbers_that_are_equal_have_the_same_bytes() {
        assert_eq!(written(&-0.0_f32), written(&0.0_f32));
        assert_eq!(written(&-f32::NAN), written(&f32::NAN));
        assert_ne!(written(&0.0_f32), written(&f32::from_bits(1)));
        assert_ne!(written(&-1.0_f32), written(&1.0_f32));
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
