"""The guide's HTTP examples: method, path and body as it prints them, commas and all."""

from typing import NamedTuple


class HttpExample(NamedTuple):
    """One request of the guide; `{0}`, `{1}` stand for the names that it leaves open."""

    method: str
    path: str
    body: str = ""

    def filled(self, *names: str) -> "HttpExample":
        """Return the request with names in place."""
        body = self.body
        for place, name in enumerate(names):
            body = body.replace(f"{{{place}}}", name)
        return HttpExample(self.method, self.path.format(*names), body)


NAME = "/collections/{0}"

ON_DISK_UNNAMED = """{
    "vectors": {
        "": {
            "on_disk": true
        }
    },
}"""

ON_DISK_NAMED = """{
    "vectors": {
        "my_vector": {
            "on_disk": true
        }
    },
}"""

EXAMPLES = {
    "create": HttpExample(
        "PUT",
        NAME,
        """{
    "vectors": {
      "size": 300,
      "distance": "Cosine"
    }
}""",
    ),
    "create_from": HttpExample(
        "PUT",
        NAME,
        """{
    "vectors": {
      "size": 100,
      "distance": "Cosine"
    },
    "init_from": {
       "collection": "{1}"
    }
}""",
    ),
    "create_with_two_vectors": HttpExample(
        "PUT",
        NAME,
        """{
    "vectors": {
        "image": {
            "size": 4,
            "distance": "Dot"
        },
        "text": {
            "size": 8,
            "distance": "Cosine"
        }
    }
}""",
    ),
    "delete": HttpExample("DELETE", NAME),
    "lower_indexing_threshold": HttpExample(
        "PATCH",
        NAME,
        """{
    "optimizers_config": {
        "indexing_threshold": 10000
    }
}""",
    ),
    "update_vector_parameters": HttpExample(
        "PATCH",
        NAME,
        """{
    "vectors": {
        "my_vector": {
            "hnsw_config": {
                "m": 32,
                "ef_construct": 123
            },
            "quantization_config": {
                "product": {
                    "compression": "x32",
                    "always_ram": true
                }
            },
            "on_disk": true
        }
    },
    "hnsw_config": {
        "ef_construct": 123
    },
    "quantization_config": {
        "scalar": {
            "type": "int8",
            "quantile": 0.8,
            "always_ram": false
        }
    }
}""",
    ),
    "info": HttpExample("GET", NAME),
    "create_alias": HttpExample(
        "POST",
        "/collections/aliases",
        """{
    "actions": [
        {
            "create_alias": {
                "collection_name": "example_collection",
                "alias_name": "production_collection"
            }
        }
    ]
}""",
    ),
    "remove_alias": HttpExample(
        "POST",
        "/collections/aliases",
        """{
    "actions": [
        {
            "delete_alias": {
                "alias_name": "production_collection"
            }
        }
    ]
}""",
    ),
    "switch_collection": HttpExample(
        "POST",
        "/collections/aliases",
        """{
    "actions": [
        {
            "delete_alias": {
                "alias_name": "production_collection"
            }
        },
        {
            "create_alias": {
                "collection_name": "example_collection",
                "alias_name": "production_collection"
            }
        }
    ]
}""",
    ),
    "collection_aliases": HttpExample("GET", "/collections/{0}/aliases"),
    "all_aliases": HttpExample("GET", "/aliases"),
    "all_collections": HttpExample("GET", "/collections"),
}
