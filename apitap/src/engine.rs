//! How a run is carried out.

pub mod limits;
