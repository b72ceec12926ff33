//! The hall between browser and server: server functions of three lines, their error, and what the pages read.
//!
//! The api knows no database and no protocol beyond the server function's own; bodies call one service.
