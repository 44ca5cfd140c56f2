//! A REST collection → pages, in order.
