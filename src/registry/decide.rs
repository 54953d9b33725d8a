//! The one function that turns a command into events or a refusal.

use super::{Command, Context, Decision, Refusal, State};

/// Decides what `command` does to `state`.
///
/// # Errors
/// A [`Refusal`] names the first rule the command breaks; nothing has changed then.
pub fn decide(state: &dyn State, context: &Context<'_>, command: &Command) -> Result<Decision, Refusal> {
    let _ = (state, context, command);
    todo!()
}
