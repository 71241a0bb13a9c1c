"""What many stops say together: quantiles that know what they do not know, outliers, modes, trends, comparisons."""
