"""The pure rules, and the application's side over a real database in a temporary file. No process is started here."""
