-- Whether the file is sound: "ok", or what is wrong with it. Reads all of it.
PRAGMA quick_check
