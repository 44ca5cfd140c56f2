//! The API that the examples read: the USGS earthquake catalogue, from a recording.

pub mod usgs;
