//! Parts of an upload, remembered as the catalog does.

use async_trait::async_trait;
use data_in_motion::domain::unit::Bytes;
use data_in_motion::ports::objects::{ObjectError, Part, Parts, Upload};
use std::sync::Mutex;

/// What is known of one upload; it may end the copy at a part of the test's choice.
#[derive(Default)]
pub struct Memory {
    pub upload: Mutex<Option<Upload>>,
    /// Numbers of the parts that this memory was told of.
    pub told: Mutex<Vec<u32>>,
    /// After how many parts what happens.
    pub ends: Mutex<Option<(usize, ObjectError)>>,
}

impl Memory {
    /// Goes on with an upload.
    pub fn of(upload: Option<Upload>) -> Self {
        Self {
            upload: Mutex::new(upload),
            ..Self::default()
        }
    }

    /// Takes so many parts and then answers with an error.
    pub fn ending_after(parts: usize, error: ObjectError) -> Self {
        Self {
            ends: Mutex::new(Some((parts, error))),
            ..Self::default()
        }
    }

    /// Takes all that come from now on.
    pub fn go_on(&self) {
        *self.ends.lock().unwrap() = None;
    }
}

#[async_trait]
impl Parts for Memory {
    async fn begun(&self) -> Result<Option<Upload>, ObjectError> {
        Ok(self.upload.lock().unwrap().clone())
    }
    async fn begin(&self, id: &str, part_bytes: Bytes) -> Result<(), ObjectError> {
        *self.upload.lock().unwrap() = Some(Upload {
            id: id.into(),
            part_bytes,
            parts: Vec::new(),
        });
        Ok(())
    }
    async fn done(&self, part: &Part) -> Result<(), ObjectError> {
        let mut told = self.told.lock().unwrap();
        match &*self.ends.lock().unwrap() {
            Some((parts, error)) if *parts == told.len() => return Err(error.clone()),
            _ => told.push(part.number),
        }
        self.upload
            .lock()
            .unwrap()
            .as_mut()
            .unwrap()
            .parts
            .push(part.clone());
        Ok(())
    }
}
