"""Networks that are processes of ours: started, told apart, watched and ended."""
