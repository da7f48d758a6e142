//! Stands in for the crate `candid`, whose registry is out of reach here: as much as the plugin uses of it.

#[derive(Debug)]
pub struct Error(&'static str);

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

pub fn encode(texts: &[&str]) -> Result<Vec<u8>, Error> {
    let mut message = b"DIDL\0".to_vec();
    message.push(texts.len() as u8);
    message.extend(texts.iter().map(|_| 0x71));
    for text in texts {
        message.push(u8::try_from(text.len()).map_err(|_| Error("a text of more than a byte's length"))?);
        message.extend(text.as_bytes());
    }
    Ok(message)
}

pub fn decode(message: &[u8]) -> Result<Option<String>, Error> {
    match message.strip_prefix(b"DIDL\x01\x6e\x71\x01\x00") {
        Some([0]) => Ok(None),
        Some([1, _, text @ ..]) => Ok(Some(String::from_utf8(text.to_vec()).map_err(|_| Error("no text"))?)),
        _ => Err(Error("another type")),
    }
}

#[macro_export]
macro_rules! Encode {
    ($($value:expr),*) => { $crate::encode(&[$(($value).as_str()),*]) };
}

#[macro_export]
macro_rules! Decode {
    ($message:expr, Option<String>) => { $crate::decode($message) };
}
