//! The command. Everything is in the library's `cli` room.

fn main() -> std::process::ExitCode {
    cutline::cli::main()
}
