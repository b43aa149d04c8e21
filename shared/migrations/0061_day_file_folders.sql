-- Folders of day files, by what is in a file there.
CREATE TABLE day_file_folders (
    folder text PRIMARY KEY,
    id     uuid NOT NULL
);
