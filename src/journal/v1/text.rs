//! Times, octets and ordered objects as JSON.

use super::{HexV1, MapV1, TimeV1};
use crate::journal::line;
use crate::registry::Timestamp;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

impl Serialize for TimeV1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TimeV1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        let secs = match text.strip_prefix('@') {
            // Outside the calendar, as [`Timestamp`] writes it.
            Some(secs) => secs.parse().ok(),
            None => text.parse().ok().map(|time: jiff::Timestamp| time.as_second()),
        };
        secs.map(|secs| Self(Timestamp(secs))).ok_or_else(|| de::Error::custom(format!("`{text}` is not a time")))
    }
}

impl Serialize for HexV1 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&line::to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for HexV1 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        line::from_hex(text.as_bytes()).map(Self).ok_or_else(|| de::Error::custom("not lower-case hexadecimal"))
    }
}

impl<T: Serialize> Serialize for MapV1<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for MapV1<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = MapV1<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = access.next_entry()? {
                    members.push(member);
                }
                Ok(MapV1(members))
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}
