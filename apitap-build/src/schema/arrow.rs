//! Schema types as Arrow types, and back.
