"""My community: places, tensions, proposals, activities, groups and their books."""
