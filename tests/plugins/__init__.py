"""pytest plugins: which database the tests run on, and the browser."""
