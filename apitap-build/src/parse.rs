//! Text → what was written, with places. What the keys mean is not known here.

pub mod json;
pub mod template;
pub mod yaml;
