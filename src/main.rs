//! The command line. Everything is in [`dure::command`].

fn main() -> std::process::ExitCode {
    dure::command::main()
}
