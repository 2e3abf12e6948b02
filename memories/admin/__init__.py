from memories.admin.memories import ActionItemAdmin, MemoryAdmin

__all__ = ["ActionItemAdmin", "MemoryAdmin"]
