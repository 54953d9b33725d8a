//! The one function that turns a command into events or a refusal.

use super::{Command, Context, Decision, Refusals, State};

/// Decides what `command` does to `state`.
///
/// # Errors
/// [`Refusals`] name the first rule the command breaks, or the first that each line of an import breaks; nothing has
/// changed then.
pub fn decide(state: &dyn State, context: &Context<'_>, command: &Command) -> Result<Decision, Refusals> {
    let _ = (state, context, command);
    todo!()
}
