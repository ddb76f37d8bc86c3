"""One flow a file: read → one action → reply. BUTTONS and STEPS say what a flow takes; `<flow>.mmd` draws it."""
