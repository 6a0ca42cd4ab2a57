//! The macro by which a plugin declares itself.

/// Declares the crate's application: `app` is a function of type `fn() -> Application`. Once in a plugin.
///
/// It puts the plugin's name and version (the package's) into the file, where the node reads them before it runs any code,
/// and exports the one symbol that a node looks for. It makes [`Counting`](crate::alloc::Counting) the allocator, unless
/// `allocator = own` says that the crate has its own.
///
/// `config: "config.toml"` names the package's configuration, which goes into the plugin's file (see [`Application::config`](crate::Application::config)).
///
/// `servers` and `sessions` are the types whose [`State`](crate::State) moves from version to version:
/// `application!(app, servers: [Counter, chat::Room], sessions: [chat::Session])`. What their states look like is in the file, too.
///
/// `messages` are types by which this plugin talks to others of its release, with their answers: `messages: [stock_api::Call, stock_api::Taken]`. They
/// derive [`State`](crate::State), too. An upgrade in which one plugin would not understand another, or what still runs of the version before, is
/// refused before anything is touched.
#[macro_export]
macro_rules! application {
    ($app:path $(, config: $config:literal)? $(, servers: [$($server:ty),* $(,)?])? $(, sessions: [$($session:ty),* $(,)?])? $(, messages: [$($message:ty),* $(,)?])? $(,)?) => {
        #[global_allocator]
        static __CARGO_SYSTEM_ALLOCATOR: $crate::alloc::Counting =
            $crate::alloc::Counting::new($crate::__private::SystemAllocator);

        $crate::application!($app, allocator = own $(, config: $config)? $(, servers: [$($server),*])? $(, sessions: [$($session),*])? $(, messages: [$($message),*])?);
    };
    ($app:path, allocator = own $(, config: $config:literal)? $(, servers: [$($server:ty),* $(,)?])? $(, sessions: [$($session:ty),* $(,)?])? $(, messages: [$($message:ty),* $(,)?])? $(,)?) => {
        $crate::__declare_states!($($($server,)*)? $($($session,)*)?);
        $($crate::__declare_config!($config);)?
        $($crate::__declare_messages!($($message,)*);)?

        const _: () = {
            // Names of items are not hygienic: plain ones could hide what `$app` means.
            use $crate::__private as __cargo_system;

            const __PARTS: &[&str] = &[
                "name=",
                env!("CARGO_PKG_NAME"),
                "\nversion=",
                env!("CARGO_PKG_VERSION"),
                "\ntarget=",
                __cargo_system::TARGET,
                "\ncompiler=",
                __cargo_system::COMPILER,
                "\npanic=",
                if cfg!(panic = "unwind") { "unwind" } else { "abort" },
                "\n",
            ];

            #[used]
            #[unsafe(link_section = ".cargo_system")]
            static __RECORD: [u8; __cargo_system::record_len(__PARTS)] =
                __cargo_system::record(__cargo_system::RECORD_PLUGIN, __PARTS);

            static __ENTRY: __cargo_system::Entry = __cargo_system::entry::<__Plugin>(&__RECORD);

            struct __Plugin;

            impl __cargo_system::Plugin for __Plugin {
                const NAME: &'static str = env!("CARGO_PKG_NAME");
                const TYPES: &'static [&'static $crate::MovingType] = &[
                    $($(&$crate::server::moving_type::<$server>(),)*)?
                    $($(&$crate::websocket::moving_type::<$session>(),)*)?
                ];

                fn application() -> $crate::Application {
                    $app()
                }
            }

            /// The one symbol that a node looks for.
            #[unsafe(no_mangle)]
            pub extern "C" fn cargo_system_entry() -> *const __cargo_system::Entry {
                &raw const __ENTRY
            }
        };
    };
}

/// A record that is the configuration's text.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_config {
    ($config:literal) => {
        const _: () = {
            use $crate::__private as __cargo_system;

            const __TEXT: &[&str] = &[include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $config))];

            #[used]
            #[unsafe(link_section = ".cargo_system")]
            static __RECORD: [u8; __cargo_system::record_len(__TEXT)] =
                __cargo_system::record(__cargo_system::RECORD_CONFIG, __TEXT);
        };
    };
}

/// A record for each message.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_messages {
    ($($message:ty,)*) => {
        $(const _: () = {
            use $crate::__private as __cargo_system;

            const __CHAIN: &__cargo_system::Chain = &<$message as $crate::State>::CHAIN.as_message();

            #[used]
            #[unsafe(link_section = ".cargo_system")]
            static __RECORD: [u8; __cargo_system::state_record_len(__CHAIN)] =
                __cargo_system::state_record::<{ __cargo_system::text_len(__CHAIN) }, _>(
                    __cargo_system::RECORD_MESSAGE,
                    __CHAIN,
                );
        };)*
    };
}

/// A record for each state.
#[doc(hidden)]
#[macro_export]
macro_rules! __declare_states {
    ($($state:ty,)*) => {
        const _: () = $crate::__private::check_names(&[$crate::__private::SUPERVISOR, $(<$state as $crate::State>::CHAIN),*]);

        $(const _: () = {
            use $crate::__private as __cargo_system;

            const __CHAIN: &__cargo_system::Chain = <$state as $crate::State>::CHAIN;

            #[used]
            #[unsafe(link_section = ".cargo_system")]
            static __RECORD: [u8; __cargo_system::state_record_len(__CHAIN)] =
                __cargo_system::state_record::<{ __cargo_system::text_len(__CHAIN) }, _>(
                    __cargo_system::RECORD_STATE,
                    __CHAIN,
                );
        };)*
    };
}

/// What the macro's expansion needs, and nobody else.
#[doc(hidden)]
#[expect(unsafe_code, reason = "`init` is called by the host, through a C function")]
pub mod __private {
    use crate::abi::{ApplicationHandle, HostTable, ImageContext, OwnedBytes, Slice, Status};
    pub use crate::abi::{
        COMPILER, Entry, RECORD_CONFIG, RECORD_MESSAGE, RECORD_PLUGIN, RECORD_STATE, TARGET, record, record_len,
    };
    use crate::application::Application;
    use crate::moving::MovingType;
    pub use crate::state::Chain;
    /// A name that is given already.
    pub const SUPERVISOR: &Chain = crate::supervisor::CHAIN;
    pub use crate::state::record::{check_names, state_record, state_record_len, text_len};
    pub use std::alloc::System as SystemAllocator;

    /// A plugin's function, as a type: so that `entry` can be a constant.
    pub trait Plugin {
        /// The package's.
        const NAME: &'static str;
        /// The user's function.
        fn application() -> Application;
        /// The process types that move.
        const TYPES: &'static [&'static MovingType];
    }

    /// The plugin's door.
    #[must_use]
    pub const fn entry<P: Plugin>(record: &'static [u8]) -> Entry {
        Entry { size: size_of::<Entry>(), declaration: Slice::new(record), init: init::<P> }
    }

    unsafe extern "C" fn init<P: Plugin>(
        host: *const HostTable,
        image: *const ImageContext,
        application: *mut ApplicationHandle,
        error: *mut OwnedBytes,
    ) -> Status {
        // SAFETY: the host keeps `Entry::init`'s contract.
        unsafe { crate::ffi::init(P::NAME, P::application, P::TYPES, host, image, application, error) }
    }
}
