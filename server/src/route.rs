//! One row of the route table ([`crate::routes`]). Its type says which listener it belongs to, so that a row of the
//! operator's listener does not compile on the dashboard.

use axum::routing::MethodRouter;
use http::Method;

/// Who may call the routes of a listener. Each listener has its own enum.
pub trait Audience {
    /// The state that the listener's handlers use.
    type State;
}

/// One row.
#[derive(Debug)]
pub struct Route<Who: Audience> {
    pub method: Method,
    pub path: &'static str,
    pub who: Who,
    pub handler: MethodRouter<Who::State>,
}

impl<Who: Audience> Route<Who> {
    pub const fn new(
        method: Method,
        path: &'static str,
        who: Who,
        handler: MethodRouter<Who::State>,
    ) -> Self {
        Self {
            method,
            path,
            who,
            handler,
        }
    }
}
