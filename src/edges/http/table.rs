//! The route table: one entry an operation, from which the router and the OpenAPI document are both made.
//!
//! Invariant: what is not in the table is not routed, and what is routed is described. Knows no resource; each resource's file
//! gives its own entries, and `super::table` joins them.

use super::idempotency;
use crate::services::Services;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::fmt;

/// Makes a schema and puts what it refers to into the generator.
pub type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// An HTTP method that the table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates or commands.
    Post,
    /// Changes some fields.
    Patch,
    /// Forgets.
    Delete,
}

impl Method {
    /// As it stands in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// What a request carries.
#[derive(Clone, Debug)]
pub struct Body {
    /// Its schema.
    pub schema: SchemaOf,
    /// Content types that are read.
    pub types: &'static [&'static str],
}

/// What a successful answer carries.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Nothing.
    Empty,
    /// JSON of a schema.
    Json(SchemaOf),
    /// Text of this content type.
    Text(&'static str),
}

/// One operation.
#[derive(Clone)]
pub struct Route {
    /// How it is asked for.
    pub method: Method,
    /// Where, with parameters in braces.
    pub path: &'static str,
    /// Its name in generated clients, in camel case.
    pub id: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// More about it, where there is more to say.
    pub detail: &'static str,
    /// Query parameters: the properties of an object's schema.
    pub query: Option<SchemaOf>,
    /// The request's body.
    pub body: Option<Body>,
    /// Status of success.
    pub status: u16,
    /// Other statuses of success, with the same body.
    pub also: &'static [u16],
    /// What success carries.
    pub answer: Answer,
    /// Statuses of the problems it may answer with, besides those of every operation.
    pub problems: &'static [u16],
    /// Whether the answer carries an `ETag`, so that `If-None-Match` is honoured.
    pub tagged: bool,
    /// Whether `If-Match` is honoured.
    pub guarded: bool,
    /// Whether `Idempotency-Key` is honoured.
    pub idempotent: bool,
    handler: MethodRouter<Services>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.method.as_str(), self.path, self.id)
    }
}

impl Route {
    fn new<H, T>(
        method: Method,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Services>,
        T: 'static,
    {
        Self {
            method,
            path,
            id,
            summary,
            detail: "",
            query: None,
            body: None,
            status: 200,
            also: &[],
            answer: Answer::Empty,
            problems: &[],
            tagged: false,
            guarded: false,
            idempotent: false,
            handler: on(method.filter(), handler),
        }
    }

    /// An operation that reads.
    pub fn get<H, T>(path: &'static str, id: &'static str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Services>,
        T: 'static,
    {
        Self::new(Method::Get, path, id, summary, handler)
    }

    /// An operation that creates or commands.
    pub fn post<H, T>(path: &'static str, id: &'static str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Services>,
        T: 'static,
    {
        Self::new(Method::Post, path, id, summary, handler)
    }

    /// An operation that changes some fields.
    pub fn patch<H, T>(path: &'static str, id: &'static str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Services>,
        T: 'static,
    {
        Self::new(Method::Patch, path, id, summary, handler)
    }

    /// An operation that forgets something; it answers 204.
    pub fn delete<H, T>(path: &'static str, id: &'static str, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Services>,
        T: 'static,
    {
        let mut route = Self::new(Method::Delete, path, id, summary, handler);
        route.status = 204;
        route
    }

    /// More about it.
    #[must_use]
    pub fn detail(mut self, text: &'static str) -> Self {
        self.detail = text;
        self
    }

    /// Query parameters: the fields of `Q`, which the handler reads with [`super::extract::Query`].
    #[must_use]
    pub fn query<Q: JsonSchema>(mut self) -> Self {
        self.query = Some(|generator| Q::json_schema(generator));
        self
    }

    /// A JSON body, which the handler reads with [`super::extract::Json`].
    #[must_use]
    pub fn body<B: JsonSchema>(self) -> Self {
        self.body_as::<B>(&["application/json"])
    }

    /// A body of several content types.
    #[must_use]
    pub fn body_as<B: JsonSchema>(mut self, types: &'static [&'static str]) -> Self {
        self.body = Some(Body {
            schema: |generator| generator.subschema_for::<B>(),
            types,
        });
        self
    }

    /// Success is this status with JSON of `A`.
    #[must_use]
    pub fn answers<A: JsonSchema>(mut self, status: u16) -> Self {
        self.status = status;
        self.answer = Answer::Json(|generator| generator.subschema_for::<A>());
        self
    }

    /// Success is 200 with text.
    #[must_use]
    pub fn answers_text(mut self, content_type: &'static str) -> Self {
        self.answer = Answer::Text(content_type);
        self
    }

    /// Other statuses of success, with the same body.
    #[must_use]
    pub fn also(mut self, statuses: &'static [u16]) -> Self {
        self.also = statuses;
        self
    }

    /// Statuses of the problems it may answer with.
    #[must_use]
    pub fn problems(mut self, statuses: &'static [u16]) -> Self {
        self.problems = statuses;
        self
    }

    /// The answer carries an `ETag`.
    #[must_use]
    pub fn tagged(mut self) -> Self {
        self.tagged = true;
        self
    }

    /// `If-Match` is honoured.
    #[must_use]
    pub fn guarded(mut self) -> Self {
        self.guarded = true;
        self
    }

    /// `Idempotency-Key` is honoured.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// A larger limit for the body than that of every request.
    #[must_use]
    pub fn body_max(mut self, bytes: usize) -> Self {
        self.handler = self.handler.layer(DefaultBodyLimit::max(bytes));
        self
    }

    /// The first word of the path after the version: what the operation is about.
    #[must_use]
    pub fn tag(&self) -> &'static str {
        self.path
            .strip_prefix("/api/v1/")
            .and_then(|rest| rest.split('/').next())
            .unwrap_or("server")
    }

    /// Names of the path's parameters.
    pub fn path_params(&self) -> impl Iterator<Item = &'static str> {
        self.path
            .split('/')
            .filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Every status that it may answer a problem with: its own, and those that its shape brings.
    #[must_use]
    pub fn problem_statuses(&self) -> Vec<StatusCode> {
        let mut all: Vec<u16> = self.problems.to_vec();
        all.extend([421, 500, 503, 504]);
        if self.query.is_some() || self.path.contains('{') {
            all.push(400);
        }
        if self.body.is_some() {
            all.extend([400, 408, 413, 415, 422]);
        }
        if self.guarded {
            all.extend([400, 412]);
        }
        if self.idempotent {
            all.extend([400, 409, 422]);
        }
        if self.method != Method::Get {
            all.push(403);
        }
        all.sort_unstable();
        all.dedup();
        all.into_iter()
            .filter_map(|s| StatusCode::from_u16(s).ok())
            .collect()
    }
}

/// The router of a table.
pub fn router(table: Vec<Route>, services: &Services) -> Router<Services> {
    table.into_iter().fold(Router::new(), |router, route| {
        let handler = if route.idempotent {
            let layer = from_fn_with_state(services.clone(), idempotency::once);
            route.handler.layer(layer)
        } else {
            route.handler
        };
        router.route(route.path, handler)
    })
}
