"""Operations on the data of one person, and on how long data are kept."""
