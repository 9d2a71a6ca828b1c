"""Where is it? The steps of one record for those who may see it, and for operators its whole path
through the rooms."""
