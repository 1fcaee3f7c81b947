//! The headers of a message on their way to the log.

use std::fmt;

use http::HeaderMap;

/// All headers of a message in their order, in one piece of memory. A [`HeaderMap`] would keep the buffer in which the
/// message arrived, many times its size, for as long as the message waits to be redacted.
#[derive(Clone, Default)]
pub struct Headers {
    /// For each header the lengths of its name and value, four bytes each, the name, and the value.
    bytes: Vec<u8>,
}

/// Bytes of the two lengths.
const LENGTHS: usize = 8;

impl Headers {
    /// Names in lower case, with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // The names of a header map are text.
        self.fields()
            .map(|(name, value)| (std::str::from_utf8(name).unwrap_or_default(), value))
    }

    /// The same, with names as bytes: to look for one of them, they need not be read as text.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (lengths, after) = rest.split_first_chunk::<LENGTHS>()?;
            let [a, b, c, d, e, f, g, h] = *lengths;
            let name_length = u32::from_le_bytes([a, b, c, d]) as usize;
            let value_length = u32::from_le_bytes([e, f, g, h]) as usize;
            let (name, after) = after.split_at_checked(name_length)?;
            let (value, after) = after.split_at_checked(value_length)?;
            rest = after;
            Some((name, value))
        })
    }

    /// The values of the headers with this name, which is in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields()
            .filter(move |(one, _)| *one == name.as_bytes())
            .map(|(_, value)| value)
    }

    /// The first of them.
    pub fn get<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The memory that they take, in bytes.
    pub fn weight(&self) -> usize {
        self.bytes.len()
    }
}

impl From<&HeaderMap> for Headers {
    fn from(map: &HeaderMap) -> Self {
        let sizes = map
            .iter()
            .map(|(name, value)| LENGTHS + name.as_str().len() + value.len());
        let mut bytes = Vec::with_capacity(sizes.sum());
        for (name, value) in map {
            let name = name.as_str().as_bytes();
            // hyper reads no header that is longer.
            let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
            bytes.extend_from_slice(&length(name));
            bytes.extend_from_slice(&length(value.as_bytes()));
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(value.as_bytes());
        }
        Self { bytes }
    }
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        Self::from(&map)
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Headers([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn headers_keep_their_order_and_their_bytes() {
        let mut map = HeaderMap::new();
        map.append("accept", HeaderValue::from_static("a"));
        map.append("x-empty", HeaderValue::from_static(""));
        map.append("accept", HeaderValue::from_bytes(b"\xff\xfe").expect("a value"));
        let headers = Headers::from(&map);
        let expected: Vec<(&str, &[u8])> = map
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        assert_eq!(headers.iter().collect::<Vec<_>>(), expected);
        assert_eq!(
            headers.all("accept").collect::<Vec<_>>(),
            [b"a".as_slice(), b"\xff\xfe"]
        );
        assert_eq!(
            (headers.get("x-empty"), headers.get("x-missing")),
            (Some(b"".as_slice()), None)
        );
        assert!(Headers::default().is_empty() && !headers.is_empty());
    }
}
