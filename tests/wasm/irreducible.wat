(module
  (type (;0;) (func (param i32 i32) (result i32)))
  (import "env" "memory" (memory (;0;) 0))
  (export "f0" (func 0))
  (func (;0;) (type 0) (param i32 i32) (result i32)
    (local i64 i64 i32)
    loop ;; label = @1
      block ;; label = @2
        block ;; label = @3
          block ;; label = @4
            block ;; label = @5
              local.get 4
              br_table 0 (;@5;) 1 (;@4;) 2 (;@3;) 3 (;@2;) 0 (;@5;)
            end
            local.get 1
            i64.load
            local.tee 2
            i64.const 1
            i64.and
            i32.wrap_i64
            if ;; label = @5
              local.get 2
              local.set 3
              i32.const 2
              local.set 4
              br 4 (;@1;)
            end
            i32.const 1
            local.set 4
            br 3 (;@1;)
          end
          local.get 2
          i64.const 0
          i64.gt_s
          if ;; label = @4
            local.get 2
            local.set 3
            i32.const 2
            local.set 4
            br 3 (;@1;)
          end
          i32.const 3
          local.set 4
          br 2 (;@1;)
        end
        local.get 3
        i64.const 1
        i64.sub
        local.set 2
        i32.const 1
        local.set 4
        br 1 (;@1;)
      end
      local.get 0
      local.get 2
      i64.store
      i32.const 0
      return
    end
    unreachable
  )
)
