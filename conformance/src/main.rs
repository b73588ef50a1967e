//! `cellproof`: parses and dispatches, nothing else.

fn main() -> std::process::ExitCode {
    conformance::main()
}
