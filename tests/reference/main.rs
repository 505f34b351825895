//! What other systems' documentations show, said with larder: guides for who comes from there.

mod cache_port;
mod decorators;
mod layered;
mod projections;
mod settings;
mod stage;
