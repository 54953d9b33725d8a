//! The admin API: tokens, roles, endpoints, problem documents, OpenAPI.
