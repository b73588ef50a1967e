//! A word of any kind, drawn from bytes: a deserializer that is told what is wanted and makes one up.
//!
//! It learns the shape of the words from the words themselves, so a new variant or field is drawn without a line here,
//! and it notes each variant that it was asked to choose from.

use serde::de::value::{Error, U32Deserializer};
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, SeqAccess, VariantAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The variants that were chosen, by the name of their enum and how many it has: two protocols may use one name.
pub type Chosen = BTreeMap<(&'static str, usize), BTreeSet<u32>>;

/// Texts that mean something somewhere, so that ids, levels and paths are drawn as well.
const TEXTS: &[&str] = &["", "acme", "ü", "public", "restricted", "spiffe://cell-a.test/ns/data", "spiffe://a.test/x"];

/// Bytes to draw from; when they are used up everything is zero.
pub struct Drawer<'a> {
    bytes: RefCell<&'a [u8]>,
    /// What was chosen.
    pub chosen: RefCell<Chosen>,
}

impl<'a> Drawer<'a> {
    pub fn new(bytes: &'a [u8]) -> Drawer<'a> {
        Drawer { bytes: RefCell::new(bytes), chosen: RefCell::default() }
    }

    fn byte(&self) -> u8 {
        let mut bytes = self.bytes.borrow_mut();
        let Some((first, rest)) = bytes.split_first() else { return 0 };
        *bytes = rest;
        *first
    }

    /// Small more often than not, else anything, the greatest among it.
    fn number(&self) -> u64 {
        match self.byte() {
            n @ 0..=199 => u64::from(n % 50),
            200..=219 => u64::MAX,
            _ => (0..8).fold(0, |n, _| n << 8 | u64::from(self.byte())),
        }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.number() as $type)
        }
    )*};
}

impl<'de> Deserializer<'de> for &Drawer<'_> {
    type Error = Error;

    numbers! {
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_i64 visit_i64 i64,
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        unreachable!("a word does not look at the bytes to learn its own shape, and has no floats")
    }
    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.byte() & 1 == 1)
    }
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(TEXTS[usize::from(self.byte()) % TEXTS.len()])
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.byte() & 1 == 1 { visitor.visit_some(self) } else { visitor.visit_none() }
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let left = usize::from(self.byte() % 4);
        visitor.visit_seq(Elements { from: self, left })
    }
    fn deserialize_tuple<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(Elements { from: self, left })
    }
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        left: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(left, visitor)
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(fields.len(), visitor)
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let variant = u32::from(self.byte()) % variants.len() as u32;
        let mut chosen = self.chosen.borrow_mut();
        chosen.entry((name, variants.len())).or_default().insert(variant);
        drop(chosen);
        visitor.visit_enum(Variant { from: self, variant })
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 f64 char bytes byte_buf unit unit_struct map identifier ignored_any
    }
}

struct Elements<'d, 'a> {
    from: &'d Drawer<'a>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(self.from).map(Some)
    }
}

struct Variant<'d, 'a> {
    from: &'d Drawer<'a>,
    variant: u32,
}

impl<'de> EnumAccess<'de> for Variant<'_, '_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Error> {
        let variant: U32Deserializer<Error> = self.variant.into_deserializer();
        Ok((seed.deserialize(variant)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }
    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.from)
    }
    fn tuple_variant<V: Visitor<'de>>(self, left: usize, visitor: V) -> Result<V::Value, Error> {
        self.from.deserialize_tuple(left, visitor)
    }
    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.from.deserialize_tuple(fields.len(), visitor)
    }
}
