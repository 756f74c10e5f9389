plugin "terraform" {
  enabled = true
  preset  = "all"
}

# Files are named by what is in them; main.tf would say nothing.
rule "terraform_standard_module_structure" {
  enabled = false
}
