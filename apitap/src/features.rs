//! What a program needs of this crate that it may have been built without, as errors of its build.
//!
//! The code of a pipeline calls the macro of each feature that its target needs.

/// Does not compile where this crate was built without Parquet.
#[cfg(feature = "parquet")]
#[doc(hidden)]
#[macro_export]
macro_rules! __parquet {
    ($pipeline:literal) => {};
}

/// Does not compile where this crate was built without Parquet.
#[cfg(not(feature = "parquet"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __parquet {
    ($pipeline:literal) => {
        ::core::compile_error!(::core::concat!(
            "pipeline `",
            $pipeline,
            "` writes Parquet, which apitap is built without\n help: turn it on in Cargo.toml: `apitap = { \
             …, features = [\"parquet\"] }`"
        ));
    };
}

/// Does not compile where this crate was built without Delta Lake.
#[cfg(feature = "delta")]
#[doc(hidden)]
#[macro_export]
macro_rules! __delta {
    ($pipeline:literal) => {};
}

/// Does not compile where this crate was built without Delta Lake.
#[cfg(not(feature = "delta"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __delta {
    ($pipeline:literal) => {
        ::core::compile_error!(::core::concat!(
            "pipeline `",
            $pipeline,
            "` writes Delta Lake, which apitap is built without\n help: turn it on in Cargo.toml: `apitap = { \
             …, features = [\"delta\"] }`"
        ));
    };
}

/// Does not compile where this crate was built without object stores.
#[cfg(feature = "cloud")]
#[doc(hidden)]
#[macro_export]
macro_rules! __cloud {
    ($pipeline:literal) => {};
}

/// Does not compile where this crate was built without object stores.
#[cfg(not(feature = "cloud"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __cloud {
    ($pipeline:literal) => {
        ::core::compile_error!(::core::concat!(
            "pipeline `",
            $pipeline,
            "` writes into an object store, which apitap is built without\n help: turn them on in \
             Cargo.toml: `apitap = { …, features = [\"cloud\"] }`"
        ));
    };
}

/// Does not compile where this crate was built without ADBC.
#[cfg(feature = "adbc")]
#[doc(hidden)]
#[macro_export]
macro_rules! __adbc {
    ($pipeline:literal) => {};
}

/// Does not compile where this crate was built without ADBC.
#[cfg(not(feature = "adbc"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __adbc {
    ($pipeline:literal) => {
        ::core::compile_error!(::core::concat!(
            "pipeline `",
            $pipeline,
            "` loads through an ADBC driver, which apitap is built without\n help: turn it on in \
             Cargo.toml: `apitap = { …, features = [\"adbc\"] }`"
        ));
    };
}
