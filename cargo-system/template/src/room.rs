//! The room: a server that tells everybody what one says, and those who come later what was said before.

use crate::chat::Chat;
use crate::history::{History, Line};
use plugin_abi::server::{Context, Flow, Info, Server};
use plugin_abi::websocket::SessionRef;
use plugin_abi::{ExitReason, ReplyTo, State, register};
use serde::{Deserialize, Serialize};

/// By which sessions find it.
pub(crate) const NAME: &str = "room";

#[derive(Default, Serialize, Deserialize, State)]
pub(crate) struct Room {
    history: History,
    members: Vec<SessionRef<Chat>>,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Call {
    /// A session hears what is said from now on; the answer is what was said before.
    Join(SessionRef<Chat>, ReplyTo<Vec<Line>>),
}

#[derive(Serialize, Deserialize)]
pub(crate) enum Cast {
    Say(Line),
}

impl Server for Room {
    type Argument = ();
    type Call = Call;
    type Cast = Cast;

    async fn init((): (), context: &mut Context<Self>) -> Result<Self, ExitReason> {
        register(NAME, context.myself().pid()).map_err(|error| ExitReason::Error(error.to_string()))?;
        Ok(Self::default())
    }

    async fn handle_call(&mut self, Call::Join(member, reply): Call, context: &mut Context<Self>) -> Flow {
        context.monitor(member.pid());
        self.members.push(member);
        reply.send(self.history.lines());
        Flow::Continue
    }

    async fn handle_cast(&mut self, Cast::Say(line): Cast, _: &mut Context<Self>) -> Flow {
        for member in &self.members {
            // Who has just gone does not hear it.
            let _ = member.send(line.clone());
        }
        self.history.push(line);
        Flow::Continue
    }

    async fn handle_info(&mut self, info: Info, _: &mut Context<Self>) -> Flow {
        if let Info::Down(down) = info {
            self.members.retain(|member| member.pid() != down.pid);
        }
        Flow::Continue
    }
}
