"""One module per page: an answer in, words and geometry for its template out."""
