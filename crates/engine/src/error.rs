/// Why a new store could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitialiseError {
    /// What it was to hold cannot be.
    #[error(transparent)]
    Catalog(#[from] crate::CatalogError),
    /// The store itself.
    #[error(transparent)]
    Store(#[from] dauphin_store::StoreError),
}

/// Why a running engine did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// Storage failed; nothing more is accepted until the process is started again.
    #[error("storage failed and nothing more is accepted until a restart: {0}")]
    Failed(std::sync::Arc<str>),
    /// It cannot be done now, and may be soon.
    #[error("{0}; try again")]
    Unavailable(std::sync::Arc<str>),
    /// The engine is closed or closing.
    #[error("the engine is closed")]
    Closed,
    /// The days were cut in a zone that the workspace no longer has. Nothing was taken.
    #[error("the workspace's zone was changed meanwhile; send it again")]
    ZoneChanged,
    /// It would have added users or active days, and there is no memory for more. Repeats are still taken.
    #[error(
        "memory is full: {profile_count} users take all of the {} MiB that they may; give the process more memory, or \
         allow it more with --memory-max",
        byte_count_max >> 20
    )]
    MemoryFull {
        /// Profiles known.
        profile_count: usize,
        /// The bytes that the state may take.
        byte_count_max: usize,
    },
    /// A change of the catalog that cannot be.
    #[error(transparent)]
    Catalog(#[from] crate::CatalogError),
}
