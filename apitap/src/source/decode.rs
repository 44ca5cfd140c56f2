//! Page bytes → Arrow batches.
