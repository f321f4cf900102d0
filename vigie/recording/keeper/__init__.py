"""The keeper: erases what is past its ceiling, keeps what is within its floor or locked, and writes down which."""
