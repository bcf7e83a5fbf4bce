// The front door: path from the street, lawn, a parked car beyond the wall.
#version 3.7;
#include "lib.inc"
#include "figures.inc"
Daylight(<0.75,0.8,0.86>, <0.32,0.5,0.78>)
#if (PASS != 1)
  plane { y, 0 Surface(Grass) }
  Lawn(-9.75, -0.75, -11, 0, 9.5) Lawn(0.95, 8.95, -11, 0, 9.5)
  box { <-0.75,0,-11>, <0.95,0.035,-0.2> Surface(Paving) }
  difference { box { <-9,0,0>, <9,6,0.4> Surface(Brick) } box { <-0.6,-1,-1>, <0.6,2.28,0.3> } }
  object { FrontDoor() translate z*0.1 }
  object { Window(1.5,1.2,0.9) translate <-2.9,0.95,0> }
  Lamp(<0.95,2.15,-0.22>, <1.5,0.95,0.45>*1.5, 2)
  box { <-200,-0.01,-17.2>, <90,0.03,-12.2> Surface(Asphalt) } box { <-200,0,-12.3>, <90,0.07,-11.05> Surface(Paving) }
  box { <-200,0,-19>, <90,0.07,-17.2> Surface(Paving) }
  object { Fence(66,1.5) rotate y*90 translate <-9.4,0,-0.2> } Hedge(<-9.8,0,-10.4>, <-32,0,-10.6>, 1.7, 12, Dark)
  object { Fence(34,1.1) rotate y*90 translate <-3.6,0,-5.2> }
  #for (s, 0, 1)
    box { (s ? <1.4,0,-10.9> : <-9,0,-10.9>), (s ? <9,0.85,-10.65> : <-1.2,0.85,-10.65>) Surface(Brick) }
    box { (s ? <1.4,0.85,-10.93> : <-9,0.85,-10.93>), (s ? <9,0.9,-10.62> : <-1.2,0.9,-10.62>) Surface(Paving) }
    box { (s ? <1.3,0,-11> : <-1.45,0,-11>), (s ? <1.65,1.15,-10.55> : <-1.1,1.15,-10.55>) Surface(Brick) }
  #end
  BushAt(<-1.95,0,-0.8>, 0.72, 3, Green) BushAt(<-2.3,0,-2.4>, 0.55, 8, Dark) BushAt(<2.15,0,-5.3>, 0.62, 5, Green) BushAt(<-2.7,0,-8.9>, 0.85, 15, Olive)
  TreeAt(<-6.2,0,-8>, 4.6, 1.5, 4, Green) TreeAt(<6,0,-19.5>, 5, 1.7, 14, Dark) TreeAt(<-8,0,-20>, 6, 2.1, 24, Green)
  object { Car(<0.05,0.09,0.16>) rotate y*90 translate <-6.6,0.03,-16.1> }
  object { House(13, 5, 7, 0.8) rotate y*180 translate <-8,0,-21.5> } object { House(12, 5.2, 7, 0.8) rotate y*180 translate <9,0,-22> }
  object { House(12, 5, 7, 0.8) rotate y*180 translate <-25,0,-22> } object { House(14, 5, 7, 0.8) rotate y*180 translate <-43,0,-22.5> } object { House(10, 5, 7, 0.8) translate <-21,0,-2> } object { House(14, 5, 7, 0.8) rotate y*180 translate <-62,0,-22.5> }
  Hedge(<-16,0,-20.2>, <-70,0,-20.4>, 1.2, 9, Dark) TreeAt(<-17,0,-20.6>, 6, 2.1, 44, Green) TreeAt(<-33,0,-21>, 7, 2.4, 54, Dark) TreeAt(<-14.5,0,-6>, 5, 1.8, 64, Olive)
  Hedge(<-2.2,0,-20.2>, <3.4,0,-20.4>, 1.2, 5, Dark)
#end
Figure()
