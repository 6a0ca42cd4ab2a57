//! The sum application.
